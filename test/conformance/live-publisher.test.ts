// A publisher with live rights that turns hostile: whatever it sends, no subscriber sees an offset, a sender or a gap of its making.

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { formatOffset, type Offset, parseOffset } from '../../src/protocol/index.js';
import { makeDocumentedUsers } from '../support/documented-users.js';
import { encodeEnvelope } from '../support/envelope.js';
import { FEEDS, type Feed, type FeedEvent } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const ROUNDS = 30;
const SENDER = Buffer.from('{"connection":"x","user":"admin"}');
const FORGED = Buffer.from('"forged"');
/** Some transports tell these by themselves. */
const QUIET = new Set(['connected', 'subscribed', 'heartbeat']);

/** What is sent by somebody who knows the position, as every subscriber does. */
const FORGERIES: readonly ((last: Offset, channel: string) => Buffer | string)[] = [
  (last) => encodeEnvelope(later(last, 0, 1), last, FORGED, SENDER),
  (last) => encodeEnvelope(later(last, 1), last, FORGED, SENDER),
  (last) => encodeEnvelope('9999999999999-0000000000000001', last, FORGED, SENDER),
  (last) => encodeEnvelope(later(last, 5), later(last, 4), FORGED),
  (last) => encodeEnvelope(last, later(last, -1), FORGED, SENDER),
  (last) => encodeEnvelope(later(last, 1), last, Buffer.from('"x"\n\ndata: {"type":"gap"}\n\n')),
  () => '\u0001',
  () => '\u00011 broken',
  (last) => `1,"offset":"${last}","from":{"user":"admin"}`,
  (last) => `"x","offset":"${last}"},{"offset":"${last}","data":2`,
  (last, channel) => `1}\n\nid: ${last}\ndata: {"type":"gap","channel":"${channel}","reason":"lost"}\n\n`,
  (last, channel) => `{"type":"message","channel":"${channel}","offset":"${last}","from":{"user":"admin"},"data":1}`,
  () => 'x'.repeat(70_000),
  () => '',
];

function later(offset: Offset, ms: number, seq = 0): Offset {
  const { ms: atMs, seq: at } = parseOffset(offset);
  return formatOffset(atMs + ms, at + seq);
}

describe.each(['uws', 'ws'] as const)('a live-only publisher that turns hostile, on the %s engine', (engine) => {
  let redis: RedisServer;
  let node: TestNode;
  let hostile: Redis;
  let feed: Feed | undefined;

  beforeAll(async () => {
    redis = await startRedis();
    await makeDocumentedUsers(redis.admin);
    const options = { url: redis.url, prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };
    node = await startNode({ engine, broker: createRedisBroker(options) });
    hostile = new Redis({ host: redis.host, port: redis.port, username: 'live-publisher', password: 'secret' });
  });
  afterEach(() => feed?.close());
  afterAll(async () => {
    hostile?.disconnect();
    await node?.close();
    await redis?.stop();
  });

  /** All events until the message with this offset. */
  async function heardUntil(offset: Offset | undefined): Promise<FeedEvent[]> {
    const heard: FeedEvent[] = [];
    do heard.push((await feed?.events.next()) ?? { type: 'no feed' });
    while (heard.at(-1)?.offset !== offset || heard.at(-1)?.type !== 'message');
    return heard;
  }

  it.each(Object.keys(FEEDS))(
    'shows no subscriber by %s an offset, a sender or a gap of its making',
    async (transport) => {
      const channel = `chat:${transport}`;
      const publish = (n: number) => node.broker.publish({ channel, data: String(n) });
      const offsets = [await publish(0)];
      feed = FEEDS[transport]?.({ url: node.url, ticket: node.ticket() }, { [channel]: '-1' });
      const heard = await heardUntil(offsets[0]);
      for (let n = 1; n <= ROUNDS; n++) {
        const last = offsets.at(-1) ?? '';
        for (const forge of FORGERIES) {
          const payload = forge(last, channel);
          await expect(hostile.publish(`fanfare:{${channel}}`, payload)).rejects.toThrow(/^NOPERM/);
          await hostile.publish(`fanfare:{${channel}}:live`, payload);
        }
        offsets.push(await publish(n));
      }
      heard.push(...(await heardUntil(offsets.at(-1))));

      const messages = heard.filter(({ type }) => type === 'message');
      expect(heard.filter(({ type }) => type !== 'message' && !QUIET.has(type))).toEqual([]);
      expect(messages.filter(({ from }) => from !== undefined)).toEqual([]);
      const logged = messages.filter(({ offset }) => offset !== undefined);
      expect(logged.map(({ offset, data }) => [offset, data])).toEqual(offsets.map((offset, n) => [offset, n]));
    },
  );

  it('has what it forged counted, and nothing read for it', () => {
    const stats = node.node.stats();
    expect(stats['damaged.live']).toBeGreaterThan(ROUNDS);
    const gaps = Object.entries(stats).filter(([name, count]) => name.startsWith('gaps.') && count > 0);
    expect({ repairs: stats.repairs, gaps }).toEqual({ repairs: 0, gaps: [] });
  });
});
