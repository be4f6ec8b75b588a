// The memory that a server keeps: what is resident, but for garbage and for the parts of its heap that lie empty.

import { residentBytes } from '../cpu-time.js';
import { pause, quiet } from '../lab.js';
import type { Proc } from '../proc.js';

const SETTLE_MS = 1_000;
/** What the kernel's count is off by from one look to the next, generously: of 8,000 links 0.03 KiB each. */
const SAME_BYTES = 256 * 1024;
/** Chosen: so many collections in a row that give nothing back, and so many at most. */
const CALM_LOOKS = 3;
const MOST_LOOKS = 12;

/**
 * In bytes. V8 gives back what lies empty when it sees fit: after 8,000 links had come, 1.5 KiB of the heap were in use for each, 3.3 resident
 * after four collections, and 1.5 after six, or after ten (measured). So that is told apart. What else is resident counts: the engine's and the
 * kernel's memory, and what malloc keeps.
 */
export async function settledMemory(proc: Proc, pid: number): Promise<number> {
  return leastOf(async () => {
    await quiet(proc, pid);
    process.kill(pid, 'SIGUSR2'); // see collect-garbage.ts
    await pause(SETTLE_MS);
    return residentBytes(proc, pid) - unusedHeapBytes(proc, pid);
  });
}

/** As it has said by its title when it collected garbage. Throws when it has not. */
export function unusedHeapBytes(proc: Proc, pid: number): number {
  const bytes = /^unused heap (\d+)/.exec(proc.read(`${pid}/cmdline`))?.[1];
  if (bytes === undefined) throw new Error(`the server ${pid} has collected no garbage in time`);
  return Number(bytes);
}

/** Looks until that has brought nothing less for a while; answers the least, in bytes. */
export async function leastOf(look: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let calm = 0, looks = 0; calm < CALM_LOOKS && looks < MOST_LOOKS; looks += 1) {
    const bytes = await look();
    calm = bytes < least - SAME_BYTES ? 0 : calm + 1;
    least = Math.min(least, bytes);
  }
  return least;
}
