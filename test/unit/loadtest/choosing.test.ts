// The page "choosing a transport": what a poll costs is told apart from what a message in it costs, and where it is cheaper follows.

import { describe, expect, it } from 'vitest';
import { evenAt, pollCostOf, toChoosing } from '../../../loadtest/page/choosing.js';
import type { Arm } from '../../../loadtest/plan/arm.js';
import { summarize } from '../../../loadtest/run/summary.js';
import { labResult, trafficCounts } from './lab-results.js';

const PAUSES = [500, 1_000, 2_000, 10_000];
/** A server that takes 30 µs for a poll and 2 µs for each message in it; two messages a second. */
const polls = PAUSES.map((pause) => ({ us: 30 / ((2 * pause) / 1_000) + 2, pause }));
const ARMS: readonly Partial<Arm>[] = [
  { transport: 'websocket' },
  ...PAUSES.map((pollEvery) => ({ transport: 'short-poll' as const, pollEvery })),
  { scenario: 'idle', rate: 'idle' },
];
const RESULT = labResult(
  [
    [{ traffic: trafficCounts({ server: (1_000 * 8) / 1e6 }) }],
    ...polls.map(({ us }) => [{ traffic: trafficCounts({ server: (1_000 * us) / 1e6 }) }]),
    [{ linkBytes: 2_048 }],
  ],
  ARMS.map((arm) => ({ scenario: 're-polling', rate: 2, links: 200, ...arm })),
);

describe('choosing a transport', () => {
  it('tells the cost of a poll from that of its messages', () => {
    const cost = pollCostOf(summarize(RESULT), 'serverUs');
    expect(cost?.perPoll).toBeCloseTo(30, 6);
    expect(cost?.perMessage).toBeCloseTo(2, 6);
  });

  it('says from how many messages on a poll is cheaper, or that it never is', () => {
    expect(evenAt({ perPoll: 30, perMessage: 2 }, 8)).toBe(5);
    expect(evenAt({ perPoll: 30, perMessage: 2 }, 2)).toBeUndefined();
  });

  it('is a page with the command that made it, every line, and the rates by pause', () => {
    const page = toChoosing(RESULT) ?? '';
    expect(page).toContain('a result of `npm run loadtest -- --quick`, begun on 2026-01-02 at commit c1');
    expect(page).toContain('| websocket | 8.00 |');
    expect(page).toContain('| short poll, a pause of 10 s | 3.50 |');
    expect(page).toContain('| websocket, uws | 2.00 |');
    // 5 messages in a poll: 10 a second at half a second, 0.5 at ten.
    expect(page).toContain('| websocket | 5.0 | 10 | 5.0 | 2.5 | 1.0 | 0.50 | 0.17 |');
  });

  it('is not made of a result that lacks the scenario', () => {
    expect(toChoosing(labResult([[{}]]))).toBeUndefined();
  });
});
