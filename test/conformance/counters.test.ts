// What a node counts is what the name of the counter says, whatever the transport.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultyBroker, type FaultyBroker } from '../support/faulty-broker.js';
import { FEEDS, type Feed, SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

describe.each(['uws', 'ws'] as const)('the counters of a node on the %s engine', (engine) => {
  let node: TestNode;
  let broker: FaultyBroker;
  let feeds: Feed[];
  beforeEach(async () => {
    feeds = [];
    broker = createFaultyBroker();
    node = await startNode({ engine, broker });
  });
  afterEach(async () => {
    for (const feed of feeds) feed.close();
    await node.close();
  });

  function open(transport: string, after = 'now'): Feed {
    const feed = FEEDS[transport]?.({ url: node.url, ticket: node.ticket() }, { news: after });
    if (feed === undefined) throw new TypeError(transport);
    feeds.push(feed);
    return feed;
  }

  const poll = (channels: object, bearer: string) =>
    fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels }),
    });

  it('count a delivery for each link that took a message and each poll that was answered with it', async () => {
    const live = ['websocket', 'websocket', 'sse', 'long-poll'].map((transport) => open(transport));
    for (const { events } of live) await events.nextOf('subscribed');
    while (node.node.stats().waitingPolls !== 1) await new Promise((resolve) => setImmediate(resolve));
    await node.broker.publish({ channel: 'news', data: '1' });
    for (const { events } of live) await events.nextOf('message');
    expect(node.node.stats()).toMatchObject({ deliveredSockets: 2, deliveredStreams: 1, deliveredPolls: 1 });
    expect(node.node.stats()).toMatchObject({ delivered: 4, messages: 1 });
    // Whoever resumes gets a delivery too.
    for (const transport of ['websocket', 'sse', 'short-poll']) await open(transport, '-1').events.nextOf('message');
    expect(node.node.stats()).toMatchObject({ deliveredSockets: 3, deliveredStreams: 2, deliveredPolls: 2 });
    expect(node.node.stats()).toMatchObject({ delivered: 7, messages: 1 });
  });

  it('count calls of HTTP that were refused for their ticket or its grants', async () => {
    expect((await poll({ news: 'now' }, 'no.good.ticket')).status).toBe(401);
    expect((await poll({ secret: 'now' }, node.ticket('u1', { subscribe: ['news'] }))).status).toBe(403);
    expect((await poll({}, node.ticket())).status).toBe(400);
    expect(node.node.stats()).toMatchObject({ refused: 2, rateLimited: 0 });
  });

  it('count a command that is refused because too many are under way as one over the limit', async () => {
    const client = new SocketClient(node.url);
    feeds.push(client);
    client.connect(node.ticket());
    await client.events.nextOf('connected');
    broker.away = true;
    for (let n = 0; n < 65; n++) client.command({ type: 'subscribe', channels: { [`waits:${n}`]: 'now' } });
    expect(await client.events.nextOf('error')).toMatchObject({ code: 'rate_limited' });
    expect(node.node.stats()).toMatchObject({ rateLimited: 1, refused: 0 });
  });
});
