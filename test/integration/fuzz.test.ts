// A slice of the fuzz: odd bytes on every road, and honest clients do not notice; `npm run fuzz` is the whole.

import { describe, expect, it } from 'vitest';
import { holdFuzz } from '../fuzz/trial.js';

/** FANFARE_TEST_SEED repeats a run. */
const SEED = Number(process.env.FANFARE_TEST_SEED ?? Date.now() % 1_000_000);

describe.each(['uws', 'ws'] as const)('a server on %s that is sent odd bytes on every road', (engine) => {
  it('lives, answers its clients, loses nothing of theirs, and gives back what it held', async () => {
    const lines = [`seed ${SEED}`];
    const failures = await holdFuzz({ engine, seed: SEED, forMs: 15_000, say: (line) => lines.push(line) });
    expect(failures, lines.join('\n')).toEqual([]);
  });
});
