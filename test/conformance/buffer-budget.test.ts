// One budget for what all links have not read: whoever has most unread goes first, on both engines and both kinds of links.

import { afterEach, describe, expect, it } from 'vitest';
import { Peer, requestText } from '../support/engine-peer.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const MIB = 1024 * 1024;
const BUDGET = 8 * MIB;
const FILLING = 'x'.repeat(60_000);

/** A client that can stop reading. */
interface Reader {
  pause(): void;
  resume(): void;
  /** Resolves when it has as many messages; rejects when its link has ended before. */
  until(messages: number): Promise<void>;
  /** Resolves when its link has ended. */
  readonly ended: Promise<unknown>;
  close(): void;
}

async function webSocketReader(node: TestNode, channel: string): Promise<Reader> {
  const client = new SocketClient(node.url);
  client.connect(node.ticket());
  client.command({ type: 'subscribe', channels: { [channel]: 'now' } });
  await client.events.nextOf('subscribed');
  return {
    pause: () => client.socket.pause(),
    resume: () => client.socket.resume(),
    until: async (messages) => {
      const events = await client.events.take(messages, 'message', 'gap', 'closed');
      expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['message']));
    },
    ended: new Promise((resolve) => client.socket.once('close', resolve)),
    close: () => client.close(),
  };
}

async function streamReader(node: TestNode, channel: string): Promise<Reader> {
  const peer = await Peer.connect(Number(new URL(node.url).port));
  const body = JSON.stringify({ channels: { [channel]: 'now' } });
  const lines = ['Content-Type: application/json', `Authorization: Bearer ${node.ticket()}`];
  peer.write(requestText('POST', '/v1/stream', [...lines, `Content-Length: ${body.length}`], body));
  await peer.until((text) => text.includes('event: subscribed'));
  return {
    pause: () => peer.socket.pause(),
    resume: () => peer.socket.resume(),
    until: async (messages) => {
      await peer.until((text) => text.split('event: message').length > messages);
      expect(peer.text).not.toContain('event: gap');
    },
    ended: peer.closed,
    close: () => peer.socket.destroy(),
  };
}

const READERS = { websocket: webSocketReader, sse: streamReader };
const CASES = (['uws', 'ws'] as const).flatMap((engine) =>
  (Object.keys(READERS) as (keyof typeof READERS)[]).map((transport) => ({ engine, transport })),
);

describe.each(CASES)('$transport on the $engine engine', ({ engine, transport }) => {
  let node: TestNode;
  const readers: Reader[] = [];
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    await node.close();
  });
  /** Publishes until `enough`; answers how many messages that took. The node looks at its budget in between. */
  async function publishUntil(channel: string, enough: () => boolean): Promise<number> {
    let count = 0;
    for (; !enough(); count++) {
      expect(count).toBeLessThan(2_000);
      await node.broker.publish({ channel, data: JSON.stringify(`${count} ${FILLING}`) });
      await (await fetch(`${node.url}/nothing`)).text();
    }
    return count;
  }

  it('loses the reader with most unread when all together have too much, and no other', async () => {
    const options = { maxBufferedBytes: 64 * MIB, maxBufferedTotal: BUDGET, heartbeatMs: 60_000 };
    node = await startNode({ engine, options });
    const open = async (channel: string) => {
      const reader = await READERS[transport](node, channel);
      readers.push(reader);
      return reader;
    };
    const [few, fewToo, many] = [await open('few'), await open('few'), await open('many')];
    for (const reader of readers) reader.pause();
    const unread = () => node.node.stats().bufferedBytes ?? 0;
    const published = await publishUntil('few', () => unread() > BUDGET / 4);
    expect(node.node.stats().slowConsumers).toBe(0);
    await publishUntil('many', () => node.node.stats().slowConsumers === 1);
    many.resume();
    await many.ended;
    expect(unread()).toBeLessThan(BUDGET);
    for (const reader of [few, fewToo]) reader.resume();
    await Promise.all([few.until(published), fewToo.until(published)]);
    expect(node.node.stats().slowConsumers).toBe(1);
  });
});
