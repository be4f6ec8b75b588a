// A history is deleted while it is written and read: by a hundred readers in every way, at two nodes and through a cache before them.

import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { CHANNEL_FEEDS } from '../support/channel-feeds.js';
import { type EventQueue, FEEDS, type Feed, SocketClient } from '../support/feed.js';
import { type GetAnswer, get } from '../support/http-get.js';
import { cacheSkipReason, type NginxCache, startNginxCache } from '../support/nginx-cache.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const READERS = 100;
const BEFORE = 60;
const AFTER = 60;
const CHANNEL = 'pub:busy';
const NAMESPACES = { default: { historySize: 1_000 }, pub: { public: true, historySize: 1_000 } };
const DELETES = { key: 'key-of-the-tests-deletes-0123456789', patterns: ['*'], rights: ['delete'] } as const;
/** What a page of what is new may be kept for, while another asks for it anew too, and the second that caches count in. */
const CACHED_MS = 3_000;

type Open = (after: string, n: number) => Feed;
interface Kept {
  readonly offset: string;
}

describe.skipIf(cacheSkipReason !== undefined)(`a deletion under load ${cacheSkipReason ?? ''}`, () => {
  let redis: RedisServer;
  let nodes: TestNode[];
  let cache: NginxCache;
  let feeds: Feed[];
  let deleted: Set<string>;

  beforeEach(async () => {
    redis = await startRedis();
    [nodes, feeds, deleted] = [[], [], new Set()];
    for (const engine of ['uws', 'ws'] as const) {
      const namespaces = new Namespaces(NAMESPACES);
      const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
      const options = { id: `node-${engine}`, publishKeys: [DELETES], trustedProxies: ['127.0.0.0/8'] };
      nodes.push(await startNode({ engine, broker, namespaces: NAMESPACES, options }));
    }
    cache = await startNginxCache(...nodes.map(({ url }) => url));
  });
  afterEach(async () => {
    for (const feed of feeds) feed.close();
    await cache.close();
    for (const node of nodes) await node.close();
    await redis.stop();
  });

  const nodeOf = (n: number) => nodes[n % 2] as TestNode;
  /** Each way there is: over every transport at both nodes, by the URL at both nodes and through the cache. */
  const waysOf = (): readonly Open[] => [
    ...Object.values(FEEDS).map((open): Open => {
      return (after, n) => open({ url: nodeOf(n).url, ticket: nodeOf(n).ticket(`u${n}`) }, { [CHANNEL]: after });
    }),
    ...Object.values(CHANNEL_FEEDS).flatMap((open): readonly Open[] => [
      (after, n) => open(nodeOf(n).url, CHANNEL, after),
      (after) => open(cache.url, CHANNEL, after),
    ]),
  ];
  const publish = (n: number) => nodeOf(0).broker.publish({ channel: CHANNEL, data: String(n) });
  const remove = () => get(nodeOf(1).url, `/v1/channels/${CHANNEL}`, { method: 'DELETE', ticket: DELETES.key });
  const messagesIn = ({ text }: GetAnswer): readonly Kept[] => JSON.parse(text);
  const keep = (feed: Feed) => {
    feeds.push(feed);
    return feed;
  };
  const open = (count: number, after: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => {
      const ways = waysOf();
      // Ways alternate between the nodes by themselves, whatever their number.
      return keep((ways[n % ways.length] as Open)(after(n), n + Math.floor(n / ways.length)));
    });

  /** All until the last message: where they were told that the history is lost, how often, and what came behind that. */
  async function followed({ events }: Feed, last: string) {
    let gaps = 0;
    const seen: string[] = [];
    for (let at = ''; at !== last; ) {
      const { type, offset = '', reason } = await events.nextOf('message', 'gap', 'closed', 'refused');
      if (type === 'gap') {
        gaps++;
        seen.length = 0;
      } else seen.push(offset);
      expect(type === 'gap' ? reason : type).toBe(type === 'gap' ? 'lost' : 'message');
      at = offset;
    }
    return { gaps, seen };
  }

  /** What a node hands out to who asks it now, whatever position he holds. */
  async function askEverywhere(held: readonly string[]): Promise<readonly (Kept & { readonly from: string })[]> {
    const asked = nodes.flatMap(({ url }) =>
      ['offset=-1', 'last=1000', 'offset=-1&live=long-poll', ...held.map((offset) => `offset=${offset}`)].map(
        async (query) => {
          const answer = await get(url, `/v1/channels/${CHANNEL}?${query}&format=messages`);
          return answer.status === 200 ? messagesIn(answer).map(({ offset }) => ({ offset, from: query })) : [];
        },
      ),
    );
    return (await Promise.all(asked)).flat();
  }

  /** Sockets that are asked something once all is deleted: what a node hands to them comes before its answer, or after that. */
  function watchers(): readonly { readonly socket: SocketClient; readonly events: EventQueue }[] {
    return nodes.map((node, n) => {
      const socket = keep(new SocketClient(node.url)) as SocketClient;
      socket.connect(node.ticket(`watcher-${n}`));
      socket.command({ type: 'subscribe', channels: { [CHANNEL]: '-1' } });
      return { socket, events: socket.events };
    });
  }

  it('tells every reader once that the history is lost, and hands nobody anything of it from then on', {
    timeout: 90_000,
  }, async () => {
    deleted.add(await publish(0));
    const readers = open(READERS, () => '-1');
    const watching = watchers();
    for (const { events } of [...readers, ...watching]) await events.nextOf('message');
    for (let n = 1; n <= BEFORE; n++) deleted.add(await publish(n));
    const offsets: string[] = [];
    const deleting = remove();
    const publishing = (async () => {
      for (let n = 1; n <= AFTER; n++) offsets.push(await publish(BEFORE + n));
    })();
    expect((await deleting).status).toBe(204);
    const answeredMs = performance.now();
    const asked = watching.map(({ socket }) => socket.command({ type: 'subscribe', channels: { other: 'now' } }));
    const held = [...deleted].filter((_, n) => n % 10 === 0);
    const handedOut = await askEverywhere(held);
    const returning = open(waysOf().length * 2, (n) => held[n % held.length] ?? '');
    await publishing;
    const last = await publish(BEFORE + AFTER + 1);
    const kept = messagesIn(await get(nodeOf(0).url, `/v1/channels/${CHANNEL}?format=messages`));
    expect(kept.at(-1)?.offset).toBe(last);
    // Whatever was published meanwhile was deleted, or is there.
    const isKept = new Set(kept.map(({ offset }) => offset));
    expect(isKept.size).toBe([...offsets, last].filter((offset) => isKept.has(offset)).length);
    for (const offset of offsets) if (!isKept.has(offset)) deleted.add(offset);

    expect(handedOut.filter(({ offset }) => deleted.has(offset))).toEqual([]);
    for (const [n, { events }] of watching.entries()) {
      await answerTo(events, asked[n] ?? 0);
      expect((await offsetsUntil(events, last)).filter((offset) => deleted.has(offset))).toEqual([]);
    }
    const whole = [...isKept];
    for (const feed of readers) expect(await followed(feed, last)).toEqual({ gaps: 1, seen: whole });
    // From out of a cache, a page may come that it has kept; then that all is lost.
    for (const feed of returning) expect(await followed(feed, last)).toEqual({ gaps: 1, seen: whole });

    await past(answeredMs + CACHED_MS);
    for (const query of ['', '?offset=-1', '?last=1000', ...held.map((offset) => `?offset=${offset}`)]) {
      const answer = await get(cache.url, `/v1/channels/${CHANNEL}${query}${query === '' ? '?' : '&'}format=messages`);
      const isHolder = held.some((offset) => query.includes(offset));
      expect([query, answer.status]).toEqual([query, isHolder ? 410 : 200]);
      if (isHolder) expect(JSON.parse(answer.text)).toMatchObject({ code: 'offset_unknown', gap: { reason: 'lost' } });
      else expect(messagesIn(answer)).toEqual(kept);
    }
  });
});

/** Resolves with the answer to a command; what came before it is dropped. */
async function answerTo(events: EventQueue, id: number): Promise<void> {
  for (let event = await events.next(); event.id !== id; ) event = await events.next();
}

/** Of all messages that come, told or not that any are lost. */
async function offsetsUntil(events: EventQueue, last: string): Promise<readonly string[]> {
  const offsets: string[] = [];
  while (offsets.at(-1) !== last) offsets.push((await events.nextOf('message')).offset ?? '');
  return offsets;
}

/** A cache's own time is what is waited for: nothing tells that it has passed. */
async function past(atMs: number): Promise<void> {
  while (performance.now() < atMs) await pause(atMs - performance.now());
}
