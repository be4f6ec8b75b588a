// The client of the Durable Streams protocol, as npm has it, reads channels: everything that there is, by long poll, and by server-sent events.

import { DurableStream, FetchError, stream } from '@durable-streams/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { startNode, type TestNode } from '../support/push-node.js';

const NAMESPACES = { default: { historySize: 1_000 }, pub: { public: true, historySize: 1_000 } };

describe.each(['uws', 'ws'] as const)('a foreign client on the %s engine', (engine) => {
  let node: TestNode;
  let ended: AbortController;

  beforeEach(async () => {
    ended = new AbortController();
    const broker = createMemoryBroker({ namespaces: new Namespaces(NAMESPACES) });
    node = await startNode({ engine, broker, namespaces: NAMESPACES });
  });
  afterEach(async () => {
    ended.abort();
    await node.close();
  });

  const urlOf = (channel: string) => `${node.url}/v1/channels/${channel}`;
  const publish = (channel: string, n: number) => node.broker.publish({ channel, data: JSON.stringify({ n }) });
  const headers = () => ({ Authorization: `Bearer ${node.ticket()}` });

  it('reads all pages of a history', async () => {
    for (let n = 0; n < 600; n++) await publish('news', n);
    const response = await stream<{ n: number }>({ url: urlOf('news'), headers: headers(), offset: '-1', live: true });
    const items = await response.json();
    expect(items.map(({ n }) => n)).toEqual(Array.from({ length: 600 }, (_, n) => n));
    expect(response.upToDate).toBe(true);
  });

  it.each([
    ['long-poll', 'news'],
    ['sse', 'news'],
    ['long-poll', 'pub:news'],
    ['sse', 'pub:news'],
  ] as const)('follows by %s what comes on %s, once and in order', async (live, channel) => {
    const total = 150;
    for (let n = 0; n < 50; n++) await publish(channel, n);
    const response = await stream<{ n: number }>({
      ...{ url: urlOf(channel), offset: '-1', live, signal: ended.signal },
      ...(channel === 'news' && { headers: headers() }),
    });
    const seen: number[] = [];
    const all = new Promise<void>((resolve) => {
      response.subscribeJson(async ({ items }) => {
        for (const { n } of items) seen.push(n);
        if (seen.length >= total) resolve();
      });
    });
    for (let n = 50; n < total; n++) await publish(channel, n);
    await all;
    expect(seen).toEqual(Array.from({ length: total }, (_, n) => n));
  });

  it('learns where the tail is, and is told of a position that is not good', async () => {
    const offset = await publish('news', 1);
    const handle = new DurableStream({ url: urlOf('news'), headers: headers() });
    expect(await handle.head()).toMatchObject({ exists: true, offset });
    const gone = stream({
      url: urlOf('news'),
      headers: headers(),
      offset: '1000000000000-0000000000000000',
      live: false,
    });
    await expect(gone).rejects.toSatisfy((error) => error instanceof FetchError || String(error).includes('410'));
  });
});
