// Every algorithm for every limit, by every transport, on both engines: what passes and what is told, against the slow reference.

import { describe, expect, it } from 'vitest';
import { LIMIT_ALGORITHMS, limitSetting } from '../../src/config/limits.js';
import type { RateLimitConfig } from '../../src/limits/create-rate-limiter.js';
import { rateConfigOf } from '../../src/limits/limit-of.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type Asked, fits } from '../unit/limits/reference.js';
import { LIMITED, type LimitedBy, type Told } from './limit-attempts.js';

const RATE = { units: 3, perMs: 60_000 };
/** Somewhere in a window. */
const START_MS = 1_800_000_010_000;

const CELLS = LIMIT_ALGORITHMS.flatMap((algorithm) => LIMITED.map((limited) => ({ algorithm, ...limited })));

/** Asks through a node, and the reference beside it. */
class Player {
  readonly clock: { nowMs: number };
  readonly #name: string;
  readonly #config: RateLimitConfig;
  readonly #attempt: () => Promise<Told>;
  readonly #history: Asked[] = [];

  constructor(limited: LimitedBy, config: RateLimitConfig, clock: { nowMs: number }, attempt: () => Promise<Told>) {
    this.#name = limited.name;
    this.#config = config;
    this.clock = clock;
    this.#attempt = attempt;
    for (let n = 0; n < limited.spentBefore; n++) this.#history.push({ atMs: clock.nowMs, cost: 1, allowed: true });
  }

  /** Once; answers whether it passed, and when it would have. */
  async ask(): Promise<Told> {
    const { nowMs } = this.clock;
    const wanted = fits(this.#config, this.#history, 1, nowMs);
    const told = await this.#attempt();
    expect(told.allowed, `at ${nowMs - START_MS} ms`).toBe(wanted);
    this.#history.push({ atMs: nowMs, cost: 1, allowed: told.allowed });
    if (!told.allowed) this.#judge(told);
    return told;
  }

  /** What was refused passes when it was told, and not before. */
  #judge({ retryAfterMs = Number.NaN, headers }: Told): void {
    const { nowMs } = this.clock;
    expect(Number.isFinite(retryAfterMs)).toBe(true);
    expect(fits(this.#config, this.#history, 1, nowMs + retryAfterMs)).toBe(true);
    expect(fits(this.#config, this.#history, 1, nowMs + retryAfterMs - 2)).toBe(false);
    if (headers === undefined) return;
    const seconds = Math.ceil(retryAfterMs / 1_000);
    expect(headers).toMatchObject({
      'retry-after': String(seconds),
      ratelimit: `"${this.#name}";r=0;t=${seconds}`,
      'ratelimit-policy': `"${this.#name}";q=3;w=60`,
    });
  }

  /** Until it is refused; answers how many passed and what the refusal said. */
  async untilRefused(): Promise<{ readonly passed: number; readonly retryAfterMs: number }> {
    for (let passed = 0; passed < 10; passed++) {
      const told = await this.ask();
      if (!told.allowed) return { passed, retryAfterMs: told.retryAfterMs ?? Number.NaN };
    }
    throw new Error('nothing was refused');
  }
}

describe.each(['uws', 'ws'] as const)('limits on the %s engine', (engine) => {
  it.each(CELLS)('$algorithm: $name by $by, $transport', async (cell) => {
    const written = { algorithm: cell.algorithm, rate: RATE, by: cell.by };
    const setting = limitSetting(cell.name, written, undefined);
    if (setting === undefined) throw new Error('there is no limit');
    const clock = { nowMs: START_MS };
    const parts = { clock: () => clock.nowMs };
    const node = await startNode({ engine, parts, limits: { [cell.name]: written } });
    const client = await cell.begin(node);
    try {
      const player = new Player(cell, rateConfigOf(setting), clock, client.attempt);
      const first = await player.untilRefused();
      expect(first.passed).toBe(3 - cell.spentBefore);
      clock.nowMs += first.retryAfterMs;
      expect((await player.ask()).allowed).toBe(true);
      // Minutes later all of it is back, and no more than that.
      clock.nowMs += 5 * 60_000;
      expect((await player.untilRefused()).passed).toBe(3);
      clock.nowMs += 25_000;
      await player.ask();
    } finally {
      client.close();
      await node.close();
    }
  });

  describe('who goes on over a limit', () => {
    it.each(LIMIT_ALGORITHMS)('is closed with 4004 by a %s', async (algorithm) => {
      const clock = () => START_MS;
      const limits = { commands: { algorithm, rate: RATE, by: 'link' } } as const;
      const node: TestNode = await startNode({ engine, parts: { clock }, limits });
      const client = new SocketClient(node.url);
      try {
        client.connect(node.ticket());
        await client.events.nextOf('connected');
        for (let n = 0; n < 400; n++) client.command({ type: 'unsubscribe', channels: ['x'] });
        const events = [];
        do events.push(await client.events.next());
        while (events.at(-1)?.type !== 'closed');
        expect(events.at(-1)).toMatchObject({ code: 4004, reason: expect.stringMatching(/^rate_limited: /) });
        const refused = events.filter(({ code }) => code === 'rate_limited');
        expect(refused.length).toBeGreaterThanOrEqual(200);
        expect(refused.every(({ retryAfterMs }) => Number.isFinite(retryAfterMs))).toBe(true);
      } finally {
        client.close();
        await node.close();
      }
    });
  });
});
