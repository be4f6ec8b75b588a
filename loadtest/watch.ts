// Watches a window of a run from outside: what each process used, what the hypervisor took, and what others did on the machine.

import { type CpuTime, cpuSecondsBetween, readCpuTime, readSleeps, readSwitches } from './cpu-time.js';
import type { Proc } from './proc.js';

const TICKS_PER_SECOND = 100; // USER_HZ

/** Who takes part in a run. */
export interface Cast {
  readonly server: number;
  /** Further nodes of its cluster. */
  readonly fellows?: readonly number[];
  /** The publishing process and the workers with the clients. */
  readonly drivers: readonly number[];
  /** Several where it is a cluster. */
  readonly redis?: number | readonly number[];
}

/** What a window came to. */
export interface Watched {
  readonly wallSeconds: number;
  /** CPU seconds. */
  readonly server: number;
  /** All its cluster's further nodes together; absent: there are none. */
  readonly fellows?: number;
  /** How often the server had nothing left to do: with many deliveries to each, it is handed much at a time. */
  readonly serverSleeps: number;
  /** Context switches of all its threads. */
  readonly serverSwitches: number;
  /** One for each of the cast's drivers. */
  readonly drivers: readonly number[];
  readonly redis: number;
  /** Processors that the hypervisor took away, on average. */
  readonly stolenCores: number;
  /** Processors that were busy with something that is no part of the run, on average. */
  readonly othersCores: number;
}

interface Machine {
  readonly processors: number;
  readonly idle: number;
  readonly stolen: number;
}

/** Begins a window; what is returned ends it. */
export function watch(proc: Proc, cast: Cast, nowMs = () => performance.now()): () => Watched {
  const { fellows = [], drivers } = cast;
  const pids = [cast.server, ...drivers, ...fellows, ...[cast.redis ?? []].flat()];
  const look = () => ({
    ms: nowMs(),
    machine: readMachine(proc),
    sleeps: readSleeps(proc, cast.server),
    switches: readSwitches(proc, cast.server),
    used: pids.map((pid) => readCpuTime(proc, pid)),
  });
  const before = look();
  return () => {
    const after = look();
    const wallSeconds = (after.ms - before.ms) / 1000;
    const used = pids.map((_, at) => between(before.used[at], after.used[at]));
    const own = sumOf(used);
    // Idle time is exact on a kernel that stops the tick of an idle processor, while busy time is sampled: so what is not idle is busy.
    const idle = (after.machine.idle - before.machine.idle) / TICKS_PER_SECOND;
    const stolen = (after.machine.stolen - before.machine.stolen) / TICKS_PER_SECOND;
    const others = after.machine.processors * wallSeconds - idle - stolen - own;
    return {
      wallSeconds,
      server: used[0] ?? 0,
      serverSleeps: after.sleeps - before.sleeps,
      serverSwitches: after.switches - before.switches,
      ...(fellows.length > 0 && {
        fellows: sumOf(used.slice(1 + drivers.length, 1 + drivers.length + fellows.length)),
      }),
      drivers: used.slice(1, 1 + drivers.length),
      redis: sumOf(used.slice(1 + drivers.length + fellows.length)),
      stolenCores: stolen / wallSeconds,
      othersCores: Math.max(0, others / wallSeconds),
    };
  };
}

function sumOf(seconds: readonly number[]): number {
  return seconds.reduce((sum, one) => sum + one, 0);
}

function between(before: CpuTime | undefined, after: CpuTime | undefined): number {
  return before === undefined || after === undefined ? 0 : cpuSecondsBetween(before, after);
}

function readMachine(proc: Proc): Machine {
  const lines = proc.read('stat').split('\n');
  // user nice system idle iowait irq softirq steal
  const all = (lines[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const processors = lines.filter((line) => /^cpu\d/.test(line)).length;
  return { processors, idle: (all[3] ?? 0) + (all[4] ?? 0), stolen: all[7] ?? 0 };
}
