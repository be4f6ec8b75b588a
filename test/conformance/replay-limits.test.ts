// A long replay stays within what one link may have buffered, however little that is.

import { afterEach, describe, expect, it } from 'vitest';
import { createFaultyBroker } from '../support/faulty-broker.js';
import { openStream, openWebSocket } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const FEEDS = { websocket: openWebSocket, sse: openStream };
const CASES = (['uws', 'ws'] as const).flatMap((engine) =>
  (Object.keys(FEEDS) as (keyof typeof FEEDS)[]).map((transport) => ({ engine, transport })),
);

describe.each(CASES)('$transport on the $engine engine', ({ engine, transport }) => {
  let node: TestNode;
  afterEach(() => node?.close());

  it.each([192, 256, 1_024])('replays 8 MiB again and again with %i KiB of buffer', async (kib) => {
    const broker = createFaultyBroker({ default: { historySize: 1_000 } });
    // Heartbeats would push on what got stuck.
    node = await startNode({ engine, broker, options: { maxBufferedBytes: kib * 1024, heartbeatMs: 60_000 } });
    const data = JSON.stringify('x'.repeat(60_000));
    for (let n = 0; n < 140; n++) await broker.healthy.publish({ channel: 'news', data });
    for (let round = 0; round < 10; round++) {
      const feed = FEEDS[transport]({ url: node.url, ticket: node.ticket() }, { news: '-1' });
      const events = await feed.events.take(140, 'message', 'gap', 'closed', 'close');
      expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['message']));
      feed.close();
    }
    expect(node.node.stats().slowConsumers).toBe(0);
  });
});
