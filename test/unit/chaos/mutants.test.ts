// The judge finds nothing in histories that keep every promise, and every lie that is planted in them.

import { describe, expect, it } from 'vitest';
import { judge, printVerdict } from '../../chaos/judge.js';
import { convict, printMutants } from '../../chaos/mutants.js';
import { randomHistory } from './random-history.js';

const ANYTHING = {
  minAcknowledged: 1,
  minDeliveries: 1,
  minResumes: 1,
  minClients: 1,
  minChannels: 1,
  requireFaults: [],
};
const SEEDS = Array.from({ length: 20 }, (_, n) => n + 1);

describe.each([{ damage: false }, { damage: true }])('random histories, damage: $damage', ({ damage }) => {
  it.each(SEEDS)('finds nothing in a good one (seed %i)', (seed) => {
    const history = randomHistory({ seed, ticks: 300, channels: 4, clients: 6, damage });
    const verdict = judge(history, ANYTHING);
    expect(verdict.totals, printVerdict(verdict)).toEqual({});
    expect(verdict.valid).toEqual([]);
    expect(verdict.counts.gaps.trimmed).toBeGreaterThan(0);
  });

  it.each(SEEDS)('catches every lie in it (seed %i)', (seed) => {
    const history = randomHistory({ seed, ticks: 300, channels: 4, clients: 6, damage });
    const results = convict(history, { every: 5_000, seed, each: 4 });
    expect(results.map(({ mutant }) => mutant)).toContain('forge');
    for (const { planted, caught, notApplicable } of results) {
      expect(notApplicable, printMutants(results)).toBeUndefined();
      expect(planted).toBeGreaterThan(0);
      expect(caught, printMutants(results)).toBe(planted);
    }
  });
});
