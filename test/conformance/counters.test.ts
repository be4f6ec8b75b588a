// What a node counts is what the name of the counter says, whatever the transport.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
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

  it('count a gap for each client that was told of one, by its reason', async () => {
    const namespaces = { default: { historySize: 3 } };
    const short = await startNode({
      engine,
      namespaces,
      broker: createMemoryBroker({ namespaces: new Namespaces(namespaces) }),
    });
    try {
      const first = await short.broker.publish({ channel: 'news', data: '0' });
      for (let n = 1; n < 9; n++) await short.broker.publish({ channel: 'news', data: String(n) });
      const target = { url: short.url, ticket: short.ticket() };
      const transports = Object.keys(FEEDS);
      for (const transport of transports) {
        const feed = FEEDS[transport]?.(target, { news: first });
        if (feed !== undefined) feeds.push(feed);
        expect(await feed?.events.nextOf('gap')).toMatchObject({ reason: 'trimmed' });
      }
      const headers = { Authorization: `Bearer ${target.ticket}` };
      const page = await fetch(`${short.url}/v1/channels/news?offset=${first}`, { headers });
      expect([page.status, (await page.json()).code]).toEqual([410, 'offset_trimmed']);
      const stream = await fetch(`${short.url}/v1/channels/news?offset=${first}&live=sse`, { headers });
      expect(await stream.text()).toContain('offset_trimmed');
      // Who has no position yet misses nothing.
      await fetch(`${short.url}/v1/channels/news?offset=-1`, { headers });
      expect(short.node.stats()).toMatchObject({ 'gaps.trimmed': transports.length + 2, 'gaps.lost': 0 });
    } finally {
      for (const feed of feeds) feed.close();
      await short.close();
    }
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
