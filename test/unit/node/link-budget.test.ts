// The patience with a connection that is over its rate limit.

import { describe, expect, it } from 'vitest';
import { LinkBudget } from '../../../src/node/clients/link-budget.js';

const LIMIT = {
  name: 'commands',
  by: ['link'],
  config: { algorithm: 'token-bucket', perSecond: 20, burst: 40 },
} as const;

/** Spends at a steady rate; answers after how many seconds the patience ends, `undefined` when it does not. */
function flood(perSecond: number, seconds: number): number | undefined {
  const budget = new LinkBudget(LIMIT);
  for (let n = 0; n < perSecond * seconds; n++) {
    try {
      budget.spend(1, 1_000_000 + (n * 1_000) / perSecond);
    } catch {
      if (budget.isExhausted) return n / perSecond;
    }
  }
  return undefined;
}

describe('link budget', () => {
  it('loses patience with whoever stays far over the limit, although some of the commands pass', () => {
    expect(flood(1_000, 5)).toBeLessThan(1);
    expect(flood(100, 20)).toBeLessThan(10);
  });

  it('bears a client that is a little over the limit, and bursts', () => {
    expect(flood(25, 60)).toBeUndefined();
    const budget = new LinkBudget(LIMIT);
    for (let second = 0; second < 20; second++) {
      for (let n = 0; n < 30; n++) {
        try {
          budget.spend(1, 1_000_000 + second * 10_000);
        } catch {
          expect(budget.isExhausted).toBe(false);
        }
      }
    }
  });
});
