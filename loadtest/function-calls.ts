// Which functions Redis was called for, and how often: by its slow log, for which nothing is too fast.

import type { Redis } from 'ioredis';

/** The functions that read logs of channels. Whatever else a node calls reads its registry, revocations, limits or what is to be taken in. */
export const READS_OF_LOGS: readonly string[] = ['fanfare_read'];

/** Chosen: commands that the slow log has room for; those that functions send are among them. */
const MOST_COMMANDS = 100_000;

/**
 * Counts from when this resolves until what it answers is called: calls by the name of the function, `FCALL` and `FCALL_RO` alike.
 * That rejects where there were more commands than the slow log has room for. Meanwhile each command takes Redis about a
 * microsecond more (measured), so no CPU of it is told of the same window.
 */
export async function countFunctions(admin: Redis): Promise<() => Promise<ReadonlyMap<string, number>>> {
  await admin.config('SET', 'slowlog-max-len', MOST_COMMANDS);
  await admin.config('SET', 'slowlog-log-slower-than', 0);
  await admin.call('SLOWLOG', 'RESET');
  return async () => {
    const entries = (await admin.call('SLOWLOG', 'GET', '-1')) as readonly SlowCommand[];
    if (entries.length >= MOST_COMMANDS) throw new Error(`more than ${MOST_COMMANDS} commands: not all were counted`);
    const calls = new Map<string, number>();
    for (const [, , , [command = '', name = '']] of entries)
      if (/^fcall(_ro)?$/i.test(command)) calls.set(name, (calls.get(name) ?? 0) + 1);
    return calls;
  };
}

/** Id, Unix time in seconds, microseconds, the command with its arguments, and who sent it. */
type SlowCommand = readonly [id: number, at: number, us: number, command: readonly string[], ...sender: unknown[]];

/** Calls of those that read logs of channels. */
export function readsOfLogs(calls: ReadonlyMap<string, number>): number {
  return READS_OF_LOGS.reduce((sum, name) => sum + (calls.get(name) ?? 0), 0);
}
