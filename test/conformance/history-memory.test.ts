// What a node keeps of history in memory: nothing that is too old, no more than its bound, and the log for all the rest.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const BOUND = 1024 * 1024;
const PAGE = { maxEntries: 100, maxBytes: 1024 * 1024 };

describe.each(['uws', 'ws'] as const)('the memory of a node on the %s engine', (engine) => {
  let node: TestNode;
  let client: SocketClient;
  beforeEach(async () => {
    node = await startNode({
      engine,
      namespaces: { brief: { historyTtlMs: 1_000 } },
      // A burst of all that is published here cuts nobody.
      options: { maxHistoryBytes: BOUND, maxBufferedBytes: 16 * BOUND },
    });
    client = new SocketClient(node.url);
    client.connect(node.ticket());
  });
  afterEach(async () => {
    client.close();
    await node.close();
  });

  async function subscribe(channel: string): Promise<string> {
    client.command({ type: 'subscribe', channels: { [channel]: 'now' } });
    return (await client.events.nextOf('subscribed')).offset ?? '';
  }

  async function poll(channel: string, after: string) {
    const response = await fetch(`${node.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${node.ticket()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { [channel]: after }, waitMs: 0 }),
    });
    if (response.status === 204) return undefined;
    return ((await response.json()) as { channels: Record<string, Polled> }).channels[channel];
  }

  it('hands out nothing that the log has let go of for its age', async () => {
    const before = await subscribe('brief:news');
    // From its first poll on a channel keeps what passes.
    expect(await poll('brief:news', before)).toBeUndefined();
    const offset = await node.broker.publish({ channel: 'brief:news', data: '1' });
    await client.events.nextOf('message');
    expect(await poll('brief:news', before)).toMatchObject({ messages: [{ offset }] });
    await eventually(async () => {
      const { gap } = await node.broker.read('brief:news', before, PAGE);
      return gap === 'expired' || `${gap}`;
    }, 5_000);
    await eventually(async () => {
      const polled = await poll('brief:news', before);
      return (polled?.messages.length === 0 && polled.gap?.reason === 'expired') || JSON.stringify(polled);
    }, 5_000);
    // Whoever is at the tail misses nothing.
    const next = await node.broker.publish({ channel: 'brief:news', data: '2' });
    expect(await poll('brief:news', offset)).toMatchObject({ offset: next, messages: [{ offset: next, data: 2 }] });
  });

  it('stays within its bound, and resumes from the log what it had no room for', async () => {
    const channels = Array.from({ length: 40 }, (_, n) => `big:${n}`);
    const data = JSON.stringify('x'.repeat(50_000));
    const positions = new Map<string, string>();
    for (const channel of channels) {
      const position = await subscribe(channel);
      positions.set(channel, position);
      await poll(channel, position);
    }
    const published = new Map<string, string[]>();
    for (const channel of channels) {
      const offsets: string[] = [];
      for (let n = 0; n < 2; n++) offsets.push(await node.broker.publish({ channel, data }));
      published.set(channel, offsets);
    }
    await client.events.take(2 * channels.length, 'message');
    const { historyBytes, historyDropped } = node.node.stats();
    expect(historyBytes).toBeGreaterThan(0);
    expect(historyBytes).toBeLessThanOrEqual(BOUND);
    expect(historyDropped).toBeGreaterThan(0);
    for (const channel of channels) {
      const polled = await poll(channel, positions.get(channel) ?? '');
      expect([polled?.gap, polled?.messages.map(({ offset }) => offset)]).toEqual([undefined, published.get(channel)]);
    }
  });
});

interface Polled {
  readonly offset: string;
  readonly messages: readonly { readonly offset: string; readonly data: unknown }[];
  readonly gap?: { readonly reason: string };
}
