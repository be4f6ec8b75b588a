// Somebody sets the system's clock while a node serves: links stay and go on; only what a token claims is judged by it.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventQueue, FEEDS, type Feed, SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const HOUR_MS = 3_600_000;
/** Tickets live for an hour at most. */
const JUMP_MS = HOUR_MS / 2;

describe.each(['uws', 'ws'] as const)('when the clock jumps, on the %s engine', (engine) => {
  let node: TestNode;
  let feeds: Feed[];

  beforeEach(async () => {
    // The system's clock alone: the monotonic one and the timers go on, as they do on a real machine.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    feeds = [];
    const commandRate = { perSecond: 5, burst: 5 };
    // A WebSocket is given up after 2 s without a sign of life: a busy machine needs that much now and then.
    node = await startNode({ engine, options: { heartbeatMs: 500 }, commandRate });
  });
  afterEach(async () => {
    for (const feed of feeds) feed.close();
    vi.useRealTimers();
    await node.close();
  });

  const ticket = () => node.ticket('u1', {}, HOUR_MS);
  const jump = (ms: number) => vi.setSystemTime(Date.now() + ms);

  /** Passes the time in which sweeps and beats come by, and asserts that the link stays. */
  async function hear(events: EventQueue, heartbeats: number): Promise<void> {
    for (let beats = 0; beats < heartbeats; beats++) {
      expect(await events.nextOf('heartbeat', 'closed')).toMatchObject({ type: 'heartbeat' });
    }
  }

  function subscribe(transport: string): Feed {
    const feed = FEEDS[transport]?.({ url: node.url, ticket: ticket() }, { news: 'now' });
    if (feed === undefined) throw new TypeError(transport);
    feeds.push(feed);
    return feed;
  }

  describe.each([
    ['forwards', JUMP_MS],
    ['backwards', -JUMP_MS],
  ])('%s', (_direction, ms) => {
    it.each(['websocket', 'sse'])('keeps a %s with its heartbeats and its messages', async (transport) => {
      const { events } = subscribe(transport);
      await events.nextOf('subscribed');
      jump(ms);
      await hear(events, 3);
      const offset = await node.broker.publish({ channel: 'news', data: '1' });
      expect(await events.nextOf('message', 'gap', 'closed')).toMatchObject({ type: 'message', offset });
    });

    it('has a long poll wait as long as it asked for', async () => {
      const { events } = subscribe('sse');
      await events.nextOf('subscribed');
      const { channels } = (await (await poll('now', 0)).json()) as { channels: Record<string, { offset: string }> };
      const waiting = [25_000, 500].map((waitMs) => poll(channels.news?.offset ?? '', waitMs));
      while (node.node.stats().waitingPolls !== 2) await new Promise((resolve) => setImmediate(resolve));
      jump(ms);
      expect((await waiting[1])?.status).toBe(204);
      // Nothing but a message ends the longer one, whatever comes by meanwhile.
      await hear(events, 3);
      expect(node.node.stats().waitingPolls).toBe(1);
      await node.broker.publish({ channel: 'news', data: '1' });
      expect((await waiting[0])?.status).toBe(200);
    });

    it('lets commands through again once their rate limit allows it', async () => {
      const client = new SocketClient(node.url);
      feeds.push(client);
      client.connect(ticket());
      const publish = () => client.command({ type: 'publish', channel: 'news', data: 1 });
      for (let n = 0; n < 5; n++) publish();
      const { retryAfterMs } = await client.events.nextOf('error');
      expect(retryAfterMs).toBeLessThanOrEqual(200);
      jump(ms);
      await hear(client.events, 1);
      publish();
      expect((await client.events.nextOf('published', 'error')).type).toBe('published');
    });
  });

  it('closes with 4005 what has expired by the new time', async () => {
    const { events } = subscribe('websocket');
    await events.nextOf('subscribed');
    // And by what clocks may differ.
    jump(HOUR_MS + 5_000);
    expect(await events.nextOf('closed')).toMatchObject({ code: 4005 });
  });

  function poll(after: string, waitMs: number): Promise<Response> {
    return fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { news: after }, waitMs }),
    });
  }
});
