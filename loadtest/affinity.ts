// Gives the server under test a processor of its own, so that what is measured is its work and not its neighbours'.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

let prefix: readonly string[] | undefined;

/**
 * The command that runs a program on the last processor; empty where processes cannot be pinned. The first call puts this process,
 * and with it every child that it starts from then on and does not put elsewhere, on the other processors.
 */
export function pinned(): readonly string[] {
  prefix ??= pin();
  return prefix;
}

function pin(): readonly string[] {
  const last = availableParallelism() - 1;
  if (last < 1) return [];
  const { status } = spawnSync('taskset', ['-cp', `0-${last - 1}`, String(process.pid)], { stdio: 'ignore' });
  return status === 0 ? ['taskset', '-c', String(last)] : [];
}
