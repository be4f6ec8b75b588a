// Where the time of Redis goes: its own account by command, of the work that is done between two looks.

import { Redis } from 'ioredis';

/** What Redis says of one command. */
interface CommandTime {
  readonly calls: number;
  /** In all; what a function sends is within its call, and beside it by itself. */
  readonly us: number;
}

/** Commands, by name, and the CPU-seconds of the main thread. */
export interface RedisTime {
  readonly commands: ReadonlyMap<string, CommandTime>;
  readonly cpuSeconds: number;
}

/** Calls of functions: all other commands of the work are sent by them. */
const CALL = 'fcall';
/** With these the account itself is kept. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['info', 'config|resetstat']);

/** The accounts of one scenario. */
export class RedisAccounts {
  readonly #parts = new Map<string, RedisTime[]>();

  /** Does the work, which consists of calls of functions alone, and keeps the account of it under that name. Nothing else may be sent meanwhile. */
  async of<T>(what: string, redis: { readonly url: string }, work: () => Promise<T>): Promise<T> {
    const admin = new Redis(redis.url);
    try {
      const before = cpuSecondsIn(await admin.info('cpu'));
      await admin.config('RESETSTAT');
      const result = await work();
      const commands = commandsIn(await admin.info('commandstats'));
      const cpuSeconds = cpuSecondsIn(await admin.info('cpu')) - before;
      this.#parts.set(what, [...(this.#parts.get(what) ?? []), { commands, cpuSeconds }]);
      return result;
    } finally {
      admin.disconnect();
    }
  }

  /** As text, what was kept since the last time; empty where there was nothing. */
  take(): string {
    const parts = [...this.#parts].map(([what, times]) => `${what}\n${describeRedisTimes(times)}`);
    this.#parts.clear();
    return parts.join('\n');
  }
}

/** A line for each command, what took most first; then what is no command. */
export function describeRedisTimes(times: readonly RedisTime[]): string {
  const commands = new Map<string, { calls: number; us: number }>();
  let allUs = 0;
  for (const { commands: some, cpuSeconds } of times) {
    allUs += cpuSeconds * 1e6;
    for (const [name, { calls, us }] of some) {
      const sum = commands.get(name) ?? { calls: 0, us: 0 };
      commands.set(name, { calls: sum.calls + calls, us: sum.us + us });
    }
  }
  const call = commands.get(CALL) ?? { calls: 0, us: 0 };
  commands.delete(CALL);
  const withinUs = [...commands.values()].reduce((sum, { us }) => sum + us, 0);
  const rows = [
    ...[...commands].map(([name, { calls, us }]) => ({ name, calls, us })),
    { name: `${CALL}: Lua, without the commands that it sends`, calls: call.calls, us: call.us - withinUs },
    { name: 'no command: sockets, what is read and written', calls: 0, us: allUs - call.us },
  ].sort((one, other) => other.us - one.us);
  const lines = rows.map(({ name, calls, us }) => lineOf(name, calls, us, allUs));
  return `${(allUs / 1e6).toFixed(2).padStart(6)} s  in all\n${lines.join('\n')}\n`;
}

function lineOf(name: string, calls: number, us: number, allUs: number): string {
  const share = `${((100 * us) / allUs).toFixed(1).padStart(6)} %`;
  return calls === 0 ? `${share}  ${name}` : `${share}  ${name}  ${calls} calls, ${(us / calls).toFixed(2)} µs each`;
}

/** Of `INFO commandstats`, without what the account is kept with. */
export function commandsIn(info: string): ReadonlyMap<string, CommandTime> {
  const commands = new Map<string, CommandTime>();
  for (const [, name = '', calls, us] of info.matchAll(/^cmdstat_([^:\s]+):calls=(\d+),usec=(\d+),/gm))
    if (!BOOKKEEPING.has(name)) commands.set(name, { calls: Number(calls), us: Number(us) });
  return commands;
}

/** Of `INFO cpu`. */
function cpuSecondsIn(info: string): number {
  const of = (mode: string): number =>
    Number(new RegExp(`^used_cpu_${mode}_main_thread:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN);
  return of('user') + of('sys');
}
