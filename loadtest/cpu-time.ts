// The CPU time of a process in nanoseconds: the sum over its threads, with a look at those that have ended.

import type { Proc } from './proc.js';

const NS_PER_SECOND = 1e9;
const TICKS_PER_SECOND = 100; // USER_HZ: fixed at 100 in what Linux shows to programs
const PAGE_BYTES = 4096; // x86-64 and most arm64 kernels

/** Beyond this the ticks know of time that the living threads do not: two ticks, as each reading is cut to a whole one. */
const TICKS_OF_DOUBT = 2;

/** What a process had used by a moment. */
export interface CpuTime {
  /** Nanoseconds by thread. */
  readonly threads: ReadonlyMap<string, number>;
  /** All threads, those that have ended too, in steps of 10 ms. */
  readonly ticks: number;
}

/**
 * `/proc/<pid>/schedstat` tells of the main thread alone, so each thread is asked for its own. The kernel brings a running thread's figure
 * up to date when it is switched or ticked, so a reading may be one tick of the kernel (1 to 10 ms) old.
 */
export function readCpuTime(proc: Proc, pid: number): CpuTime {
  const threads = new Map<string, number>();
  for (const thread of proc.list(`${pid}/task`)) {
    const text = ifThere(() => proc.read(`${pid}/task/${thread}/schedstat`));
    if (text !== undefined) threads.set(thread, Number(text.split(' ')[0]));
  }
  const stat = proc.read(`${pid}/stat`);
  // The second field is the name in parentheses, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { threads, ticks: Number(fields[11]) + Number(fields[12]) };
}

/** Seconds of CPU from one reading to a later one. A thread that ended in between has taken its nanoseconds along: then the ticks count. */
export function cpuSecondsBetween(before: CpuTime, after: CpuTime): number {
  let ns = 0;
  for (const [thread, used] of after.threads) ns += used - (before.threads.get(thread) ?? 0);
  const ticks = after.ticks - before.ticks;
  const exact = ns / NS_PER_SECOND;
  const coarse = ticks / TICKS_PER_SECOND;
  return coarse - exact > TICKS_OF_DOUBT / TICKS_PER_SECOND ? coarse : exact;
}

/** How often the main thread went to sleep of its own accord: an event loop does so when it has nothing left to do. */
export function readSleeps(proc: Proc, pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(proc.read(`${pid}/task/${pid}/status`))?.[1] ?? Number.NaN);
}

/** How often all threads together were switched away from, of their own accord or not. Those of a thread that has ended are gone with it. */
export function readSwitches(proc: Proc, pid: number): number {
  let switches = 0;
  for (const thread of proc.list(`${pid}/task`)) {
    const text = ifThere(() => proc.read(`${pid}/task/${thread}/status`)) ?? '';
    for (const [, count] of text.matchAll(/^(?:non)?voluntary_ctxt_switches:\s*(\d+)/gm)) switches += Number(count);
  }
  return switches;
}

/** Resident memory in bytes. */
export function residentBytes(proc: Proc, pid: number): number {
  return Number(proc.read(`${pid}/statm`).split(' ')[1]) * PAGE_BYTES;
}

/** A thread may end between being listed and being read. */
function ifThere(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
