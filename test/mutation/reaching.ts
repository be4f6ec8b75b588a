// Which test files reach each mutant, how long they take, and which of them promise to kill it soon.

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './mutants.js';
import { Player } from './players.js';
import { readSources } from './sources.js';

/** Longer than all tests take one by one on a busy machine. */
const LIMIT_MS = 900_000;

interface Notes {
  /** Of the sources that they are about. */
  readonly hash: string;
  readonly reached: readonly { readonly file: string; readonly reached: readonly number[] }[];
  readonly times: readonly (readonly [file: string, ms: number])[];
}

export class Reach {
  readonly #files = new Map<number, string[]>();
  readonly #times: ReadonlyMap<string, number>;
  /** How often a test file has killed a mutant of a source file. */
  readonly #kills = new Map<string, number>();

  constructor({ reached, times }: Notes) {
    this.#times = new Map(times);
    for (const { file, reached: ids } of reached)
      for (const id of ids) this.#files.set(id, [...(this.#files.get(id) ?? []), file]);
  }

  /** In the order in which they promise to kill it soon. */
  of({ id, file }: Mutant): readonly string[] {
    const cost = (test: string) => this.timeOf([test]) / (1 + (this.#kills.get(`${file} ${test}`) ?? 0));
    return (this.#files.get(id) ?? []).toSorted((a, b) => cost(a) - cost(b));
  }

  killed({ file }: Mutant, test: string): void {
    const key = `${file} ${test}`;
    this.#kills.set(key, (this.#kills.get(key) ?? 0) + 1);
  }

  timeOf(files: readonly string[]): number {
    return files.reduce((sum, file) => sum + (this.#times.get(file) ?? 0), 0);
  }

  get totalMs(): number {
    return this.timeOf([...this.#times.keys()]);
  }
}

/** Plays all tests without a mutant, each file alone. `kept`: where the notes of an earlier run may be, and are put. */
export async function measureReach(environment: NodeJS.ProcessEnv, kept?: string): Promise<Reach> {
  const texts = [...readSources().values()].map(({ text }) => text);
  const hash = createHash('sha256').update(texts.join('')).digest('hex');
  const known = kept && existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as Notes) : undefined;
  if (known?.hash === hash) return new Reach(known);
  const folder = mkdtempSync(join(tmpdir(), 'mutants-'));
  const path = join(folder, 'reached');
  const player = new Player({ ...environment, FANFARE_REACHED: path });
  try {
    const { red, times } = await player.play({ files: [] }, LIMIT_MS);
    if (red) throw new Error(`red without a mutant: ${red.test}`);
    const reached = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const notes: Notes = { hash, reached, times };
    if (kept) writeFileSync(kept, JSON.stringify(notes));
    return new Reach(notes);
  } finally {
    player.end();
    rmSync(folder, { recursive: true });
  }
}
