// What the kernel says of a process: CPU seconds and resident memory, from /proc (Linux).

import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ: fixed at 100 in what Linux shows to programs
const PAGE_BYTES = 4096; // x86-64 and most arm64 kernels

/** User plus system CPU seconds of all threads since the process began; steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the name in parentheses, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const statm = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
  return Number(statm[1]) * PAGE_BYTES;
}
