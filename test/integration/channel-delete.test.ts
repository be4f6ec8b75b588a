// A history is deleted while it is written and read: by a hundred readers on every transport, at two nodes.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { openEvents } from '../support/event-reader.js';
import { EventQueue, FEEDS, type Feed, type FeedTarget } from '../support/feed.js';
import { get } from '../support/http-get.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const READERS = 100;
const BEFORE = 60;
const AFTER = 60;
const CHANNEL = 'pub:busy';
const NAMESPACES = { default: { historySize: 1_000 }, pub: { public: true, historySize: 1_000 } };
const DELETES = { key: 'key-of-the-tests-deletes-0123456789', patterns: ['*'], rights: ['delete'] } as const;

let redis: RedisServer;
let nodes: TestNode[];
let feeds: Feed[];

beforeEach(async () => {
  redis = await startRedis();
  nodes = [];
  feeds = [];
  for (const engine of ['uws', 'ws'] as const) {
    const namespaces = new Namespaces(NAMESPACES);
    const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
    const options = { id: `node-${engine}`, publishKeys: [DELETES] };
    nodes.push(await startNode({ engine, broker, namespaces: NAMESPACES, options }));
  }
});
afterEach(async () => {
  for (const feed of feeds) feed.close();
  for (const node of nodes) await node.close();
  await redis.stop();
});

/** A reader of the channel's URL that comes again as an `EventSource` does; what it is told of an end is a `gap`. */
function openUrl({ url }: FeedTarget): Feed {
  const events = new EventQueue();
  let isClosed = false;
  let close = () => {};
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
  const run = async () => {
    while (!isClosed) {
      const stream = await openEvents(url, `/v1/channels/${CHANNEL}?offset=-1&live=sse&format=messages`, { headers });
      close = stream.close;
      for (let event = await stream.events.next(); event.type !== 'end'; event = await stream.events.next()) {
        if (event.id !== undefined) headers['Last-Event-ID'] = event.id;
        const data = JSON.parse(event.data);
        if (event.type === 'data') for (const message of data) events.push({ type: 'message', ...message });
        else if (data.gap !== undefined) events.push({ type: 'gap', ...data.gap });
      }
    }
  };
  void run().catch(() => undefined);
  return {
    events,
    close: () => {
      isClosed = true;
      close();
    },
  };
}

const OPENERS = [...Object.values(FEEDS), openUrl];

it('has every reader told once that the history is lost, and hands nobody anything of it from then on', {
  timeout: 60_000,
}, async () => {
  const [first, second] = nodes as [TestNode, TestNode];
  const publish = (n: number) => first.broker.publish({ channel: CHANNEL, data: String(n) });
  await publish(0);
  feeds = Array.from({ length: READERS }, (_, n) => {
    const node = n % 2 === 0 ? first : second;
    const open = OPENERS[n % OPENERS.length] as (target: FeedTarget, channels: Record<string, string>) => Feed;
    return open({ url: node.url, ticket: node.ticket(`u${n}`) }, { [CHANNEL]: '-1' });
  });
  for (const { events } of feeds) await events.nextOf('message');
  let last = '';
  for (let n = 1; n <= BEFORE; n++) last = await publish(n);
  const deleting = get(second.url, `/v1/channels/${CHANNEL}`, { method: 'DELETE', ticket: DELETES.key });
  const publishing = (async () => {
    for (let n = BEFORE + 1; n <= BEFORE + AFTER; n++) await publish(n);
  })();
  expect((await deleting).status).toBe(204);
  await publishing;
  const final = await publish(BEFORE + AFTER + 1);
  const rest = await get(first.url, `/v1/channels/${CHANNEL}?format=messages`);
  const kept = JSON.parse(rest.text) as readonly { readonly offset: string; readonly data: number }[];
  expect(kept.at(-1)?.offset).toBe(final);
  expect(kept.length).toBeLessThanOrEqual(AFTER + 1);
  for (const { events } of feeds) {
    let gaps = 0;
    const seen: string[] = [];
    for (let at = ''; at !== final; ) {
      const { type, offset = '', reason } = await events.nextOf('message', 'gap');
      if (type === 'gap') {
        gaps++;
        expect(reason).toBe('lost');
        seen.length = 0;
      } else seen.push(offset);
      at = offset;
    }
    expect(gaps).toBe(1);
    // Whatever was left is there, once and in order, and nothing that was deleted.
    expect(seen).toEqual(kept.map(({ offset }) => offset));
  }
  for (const node of nodes) {
    const gone = await get(node.url, `/v1/channels/${CHANNEL}?offset=${last}`);
    expect([gone.status, JSON.parse(gone.text).code]).toEqual([410, 'offset_unknown']);
  }
});
