// One rule for the end of a ticket: who may still connect with it is not ended at once.

import { afterEach, describe, expect, it } from 'vitest';
import { FEEDS, type Feed } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const SECOND_MS = 1_000;

describe.each(['uws', 'ws'] as const)(
  'a ticket that ended 2 s ago, where clocks may differ by 5 s, on the %s engine',
  (engine) => {
    let node: TestNode;
    let feed: Feed | undefined;
    afterEach(async () => {
      feed?.close();
      await node.close();
    });

    it.each(['websocket', 'sse'])('opens a %s, which lives until 5 s after its end', async (transport) => {
      node = await startNode({ engine, options: { heartbeatMs: 500 } });
      const endedAtMs = Date.now() - 2 * SECOND_MS;
      feed = FEEDS[transport]?.({ url: node.url, ticket: node.ticket('u1', {}, -2 * SECOND_MS) }, { news: 'now' });
      const events = feed?.events;
      await events?.nextOf('subscribed');
      expect(await events?.nextOf('heartbeat', 'closed')).toMatchObject({ type: 'heartbeat' });
      // A stream says so in its last event, which is no closing by itself.
      const end = transport === 'websocket' ? { type: 'closed', code: 4005 } : { type: 'closed' };
      expect(await events?.nextOf('closed')).toMatchObject(end);
      expect(Date.now()).toBeGreaterThanOrEqual(endedAtMs + 5 * SECOND_MS);
    });

    it('waits in a poll', async () => {
      node = await startNode({ engine });
      const headers = {
        Authorization: `Bearer ${node.ticket('u1', {}, -2 * SECOND_MS)}`,
        'Content-Type': 'application/json',
      };
      const poll = (waitMs: number, after: string) =>
        fetch(`${node.url}/v1/poll`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ channels: { news: after }, waitMs }),
        });
      const first = (await (await poll(0, 'now')).json()) as { channels: { news: { offset: string } } };
      const { offset } = first.channels.news;
      expect((await poll(SECOND_MS, offset)).status).toBe(204);
      expect((await poll(30 * SECOND_MS, offset)).status).toBe(401);
    });
  },
);
