// A node opens so many channels and no more; those that are open go on.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FEEDS, type Feed } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

describe.each(['uws', 'ws'] as const)('a node with all its channels open, on the %s engine', (engine) => {
  let node: TestNode;
  let feeds: Feed[];

  beforeEach(async () => {
    feeds = [];
    node = await startNode({ engine, options: { maxChannels: 2 } });
  });
  afterEach(async () => {
    for (const feed of feeds) feed.close();
    await node.close();
  });

  function subscribe(transport: string, ...channels: string[]): Feed {
    const positions = Object.fromEntries(channels.map((channel) => [channel, 'now']));
    const feed = FEEDS[transport]?.({ url: node.url, ticket: node.ticket() }, positions);
    if (feed === undefined) throw new TypeError(transport);
    feeds.push(feed);
    return feed;
  }

  function poll(channels: Record<string, string>, waitMs: number): Promise<Response> {
    return fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${node.ticket()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels, waitMs }),
    });
  }

  it.each(['websocket', 'sse'])('refuses a %s one more, and serves it what is open', async (transport) => {
    const first = subscribe('websocket', 'a', 'b');
    await first.events.take(2, 'subscribed');
    const { events } = subscribe(transport, 'a', 'c');
    const answers = await events.take(2, 'subscribed', 'error');
    expect(answers.find(({ channel }) => channel === 'a')).toMatchObject({ type: 'subscribed' });
    const refusal = { type: 'error', code: 'overloaded', retryAfterMs: expect.any(Number) };
    expect(answers.find(({ channel }) => channel === 'c')).toMatchObject(refusal);
    const offset = await node.broker.publish({ channel: 'a', data: '1' });
    for (const feed of [first, { events }]) {
      expect(await feed.events.nextOf('message')).toMatchObject({ channel: 'a', offset });
    }
    expect(node.node.stats().channels).toBe(2);
  });

  it('refuses a waiting poll one more with 503, keeps none of its channels, and answers short polls', async () => {
    await subscribe('websocket', 'a').events.nextOf('subscribed');
    const refused = await poll({ a: 'now', b: 'now', c: 'now' }, 20_000);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('Retry-After')).not.toBeNull();
    expect(await refused.json()).toMatchObject({ code: 'overloaded', channels: ['c'] });
    expect((await poll({ c: 'now' }, 0)).status).toBe(200);
    // The channel that nobody uses any more makes room.
    expect((await poll({ c: 'now' }, 20_000)).status).toBe(200);
    expect(node.node.stats().channels).toBe(2);
  });
});
