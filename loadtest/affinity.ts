// Gives the server under test a processor of its own, so that what is measured is its work and not its neighbours'.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The command that runs a program on the last processor; empty where processes cannot be pinned. */
export const PINNED: readonly string[] = pin();

/** Puts this process, and with it every child that is not pinned elsewhere, on the other processors. */
function pin(): readonly string[] {
  const last = availableParallelism() - 1;
  if (last < 1) return [];
  const { status } = spawnSync('taskset', ['-cp', `0-${last - 1}`, String(process.pid)], { stdio: 'ignore' });
  return status === 0 ? ['taskset', '-c', String(last)] : [];
}
