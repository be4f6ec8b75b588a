// The whole SDK before a cluster that keeps its word, on a network, a page and a clock that do not: what every subscription is told.
//
// A failing run names its seed: `npm run sdk:property -- --runs 1 --seed … --trace` says what happens in it; it plays more of them, too.

import { expect, it } from 'vitest';
import { Run } from '../../sdk-property/run.js';

const RUNS = Number(process.env.SDK_RUNS ?? 3_000);
const FIRST_SEED = 1;

it(`a client that everything happens to loses, repeats and jumps over nothing, is never deaf, and leaves nothing open, ${RUNS} times`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    expect(await new Run(seed).play(), `seed ${seed}`).toEqual([]);
  }
}, 300_000);
