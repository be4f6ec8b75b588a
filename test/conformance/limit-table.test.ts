// Every algorithm for every limit, by every transport, on both engines: what passes and what is told, against the slow reference.

import { describe, expect, it } from 'vitest';
import { LIMIT_ALGORITHMS, limitSetting } from '../../src/config/limits.js';
import { rateConfigOf } from '../../src/limits/limit-of.js';
import { SocketClient } from '../support/feed.js';
import { LimitPlayer, TABLE_RATE, TABLE_START_MS } from '../support/limit-player.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { LIMITED } from './limit-attempts.js';

const CELLS = LIMIT_ALGORITHMS.flatMap((algorithm) => LIMITED.map((limited) => ({ algorithm, ...limited })));

describe.each(['uws', 'ws'] as const)('limits on the %s engine', (engine) => {
  it.each(CELLS)('$algorithm: $name by $by, $transport', async (cell) => {
    const written = { algorithm: cell.algorithm, rate: TABLE_RATE, by: cell.by };
    const setting = limitSetting(cell.name, written, undefined);
    if (setting === undefined) throw new Error('there is no limit');
    const clock = { nowMs: TABLE_START_MS };
    const parts = { clock: () => clock.nowMs };
    const node = await startNode({ engine, parts, limits: { [cell.name]: written } });
    const client = await cell.begin(node);
    try {
      const player = new LimitPlayer(cell, rateConfigOf(setting), clock, client.attempt);
      await player.playThrough(cell.spentBefore);
    } finally {
      client.close();
      await node.close();
    }
  });

  describe('who goes on over a limit', () => {
    it.each(LIMIT_ALGORITHMS)('is closed with 4004 by a %s', async (algorithm) => {
      const clock = () => TABLE_START_MS;
      const limits = { commands: { algorithm, rate: TABLE_RATE, by: 'link' } } as const;
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
