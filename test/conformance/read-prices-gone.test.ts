// Who goes while a log is read for him pays for that all the same: else he reads for nothing, again and again.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultyBroker, type FaultyBroker } from '../support/faulty-broker.js';
import { FEEDS, type Feed } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const RATE = { perSecond: 0.001, burst: 40 };
const MESSAGES = 8;
/** A read of all of them is 512 KB, or eight units. */
const DATA = `"${'x'.repeat(64_000)}"`;
const ROUNDS = 8;

const cells = (['uws', 'ws'] as const).flatMap((engine) =>
  (['websocket', 'sse'] as const).map((transport) => ({ engine, transport })),
);

describe.each(cells)('$transport on the $engine engine', ({ engine, transport }) => {
  let broker: FaultyBroker;
  let node: TestNode;
  let keeper: Feed | undefined;

  beforeEach(async () => {
    broker = createFaultyBroker();
    node = await startNode({ engine, broker, pollRate: RATE });
    for (let n = 0; n < MESSAGES; n++) await broker.publish({ channel: 'big', data: DATA });
    // What is open already is read for its readers alone.
    keeper = FEEDS.websocket?.({ url: node.url, ticket: node.ticket('keeper') }, { big: 'now' });
    await keeper?.events.nextOf('subscribed');
  });
  afterEach(async () => {
    keeper?.close();
    await node.close();
  });

  function links(): number {
    const { sockets = 0, streams = 0 } = node.node.stats();
    return sockets + streams;
  }

  /** Asks for all that there was, and goes while it is read. */
  async function readAndGo(ticket: string): Promise<void> {
    let feed: Feed | undefined;
    const read = new Promise<void>((resolve, reject) => {
      broker.afterRead = async () => {
        feed?.close();
        await expect.poll(links).toBe(1).then(resolve, reject);
      };
    });
    feed = FEEDS[transport]?.({ url: node.url, ticket }, { big: '-1' });
    await read;
    broker.afterRead = () => undefined;
  }

  async function poll(ticket: string): Promise<number> {
    const headers = { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' };
    const body = JSON.stringify({ channels: { small: 'now' }, waitMs: 0 });
    return (await fetch(`${node.url}/v1/poll`, { method: 'POST', headers, body })).status;
  }

  it('is charged for what was read', async () => {
    const ticket = node.ticket();
    expect(await poll(ticket)).toBe(200);
    for (let round = 0; round < ROUNDS; round++) await readAndGo(ticket);
    expect(await poll(ticket)).toBe(429);
  });
});
