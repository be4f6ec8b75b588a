// How many files this process may have open, which caps how many connections it can hold.

import { readFileSync } from 'node:fs';

/** Descriptors kept free of clients: the broker, logs, files, and sockets that are being refused. */
export const RESERVED_FILES = 512;

/** So many sockets as are wanted, or as the limit on open files leaves room for: at least half of it. */
export function socketsWithin(wanted: number, limit = openFileLimit()): number {
  if (limit === undefined) return wanted;
  return Math.min(wanted, Math.max(limit - RESERVED_FILES, Math.floor(limit / 2)));
}

/** Chosen: discovery answers and forgets; where the limit on open files is lower, fewer. */
const DISCOVERY_SOCKETS = 10_000;

/** So many connections discovery takes by itself. */
export function discoverySockets(): number {
  return socketsWithin(DISCOVERY_SOCKETS);
}

/** The soft limit on open files; `undefined` where the system does not tell. */
export function openFileLimit(limitsFile = '/proc/self/limits'): number | undefined {
  let limits: string;
  try {
    limits = readFileSync(limitsFile, 'utf8');
  } catch {
    // Not Linux: the caller goes without a cap of its own.
    return undefined;
  }
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft);
}
