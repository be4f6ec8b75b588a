// A slice of the attack: one ticket does what it likes to a node and its Redis; `npm run attack` is the whole.

import { describe, expect, it } from 'vitest';
import { withstand } from '../attack/trial.js';

describe.each(['uws', 'ws'] as const)('a node on %s that one ticket attacks', (engine) => {
  it('has no call at Redis read more than it may, stays within its budgets and refuses nobody else', async () => {
    const lines: string[] = [];
    const say = (line: string) => lines.push(line);
    const judged = { judgesTime: false, judgesEnd: false };
    const failures = await withstand({ engine, eachMs: 0, allMs: 3_000, atOnce: 1, ...judged, say });
    expect(failures, lines.join('\n')).toEqual([]);
  });
});
