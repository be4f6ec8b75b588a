// How a run reads what the kernel says of its processes and its machine: /proc, or what a test hands in instead.

import { readdirSync, readFileSync } from 'node:fs';

export interface Proc {
  /** The text of a file below /proc. Throws when it is not there. */
  read(path: string): string;
  /** The names in a folder below /proc. Throws when it is not there. */
  list(path: string): readonly string[];
}

export const PROC: Proc = {
  read: (path) => readFileSync(`/proc/${path}`, 'latin1'),
  list: (path) => readdirSync(`/proc/${path}`),
};
