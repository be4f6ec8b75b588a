// The files whose tests are held to account, with their mutants numbered, whoever asks.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Instrumented, instrument } from './mutants.js';

export const ROOT = join(import.meta.dirname, '../..');

/** Awake is the one that the environment names; what is reached is noted where somebody wants to know. */
const HEADER = `const $m = ((awake, reached) => reached ? (id) => (reached.add(id), false) : (id) => id === awake)(Number(process.env.FANFARE_MUTANT), globalThis.$reached);`;

/** Types, numbers, the version (test/house knows it), and what unit tests cannot reach: it takes the WebSocket of `ws`, React in a page, or a browser's workers and locks (test/browser). */
const LEFT_OUT = /^client-sdk\/(types|numbers|version|node|react|shared-worker|shared\/browser)\.ts$/;

/** By path from the root. */
export const readSources = (): ReadonlyMap<string, Instrumented> => {
  const paths = readdirSync(join(ROOT, 'client-sdk'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.d)\.ts$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !LEFT_OUT.test(path))
    .toSorted();
  const sources = new Map<string, Instrumented>();
  let id = 1;
  for (const path of paths) {
    const source = instrument(path, readFileSync(join(ROOT, path), 'utf8'), id, HEADER);
    sources.set(path, source);
    id += source.mutants.length;
  }
  return sources;
};
