// Several messages by one HTTP publish, on every engine and broker: stored in their order, each answered for itself.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { type PostAnswer, post } from '../support/http-post.js';
import { PUBLISH_KEY, startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

type Result = Readonly<Record<string, unknown>>;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const WORLDS = (['uws', 'ws'] as const).flatMap((engine) =>
  (['memory', 'redis'] as const).map((broker) => ({ engine, broker })),
);

describe.each(WORLDS)('a publish of several messages on $engine with the $broker broker', ({ engine, broker }) => {
  let node: TestNode;
  let round = 0;
  afterEach(() => node?.close());

  async function start(setup: Partial<TestNodeSetup> = {}): Promise<void> {
    round++;
    const namespaces = new Namespaces();
    const onRedis = () => createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
    const own: { broker?: Broker } = broker === 'redis' ? { broker: onRedis() } : {};
    node = await startNode({ engine, ...own, ...setup });
  }

  const publish = (body: unknown, ticket = PUBLISH_KEY): Promise<PostAnswer> =>
    post(`${node.url}/v1/publish`, body, { ticket });
  const channel = (name: string) => `${engine}-${broker}-${round}:${name}`;
  const resultsOf = ({ body }: PostAnswer) => body.results as readonly Result[];
  const stored = async (name: string) => {
    const { entries } = await node.broker.read(channel(name), '-1', { maxEntries: 1_000, maxBytes: 1024 * 1024 });
    return entries.map(({ offset, data, from }) => ({ offset, data: String(data), from: from && String(from) }));
  };

  it('stores the messages of each channel in their order, as they were written, and answers with their offsets', async () => {
    await start();
    const [a, b] = [channel('a'), channel('b')];
    const text = `{ "messages" : [ {"channel":"${a}","data":1.50} ,{"data":{"s":"],}"},"channel":"${b}"}, {"channel":"${a}","data":[2,[3]]}\n] }`;
    const answer = await publish(text);
    expect(answer.status).toBe(200);
    const [first, second] = [await stored('a'), await stored('b')];
    expect(first.map(({ data }) => data)).toEqual(['1.50', '[2,[3]]']);
    expect(second.map(({ data }) => data)).toEqual(['{"s":"],}"}']);
    expect(resultsOf(answer)).toEqual([
      { channel: a, offset: first[0]?.offset },
      { channel: b, offset: second[0]?.offset },
      { channel: a, offset: first[1]?.offset },
    ]);
  });

  it('stores one message on many channels, more than one call of Redis takes', async () => {
    await start();
    const channels = Array.from({ length: 300 }, (_, n) => channel(String(n)));
    const answer = await publish({ channels, data: { all: true } });
    expect(answer.status).toBe(200);
    expect(resultsOf(answer).map((result) => result.channel)).toEqual(channels);
    expect(await stored('299')).toMatchObject([{ offset: resultsOf(answer)[299]?.offset, data: '{"all":true}' }]);
  });

  it('says of each what it alone has wrong, and stores the others', async () => {
    await start();
    const [good, other] = [channel('good'), channel('other')];
    await publish({ channel: good, data: 1, key: 'k1' });
    const answer = await publish({
      messages: [
        { channel: good, data: 1, key: 'k1' },
        { channel: good, data: 2, key: 'k1' },
        { channel: other, data: 'x'.repeat(70_000) },
        { channel: good, data: 3 },
      ],
    });
    expect(answer.status).toBe(207);
    const entries = await stored('good');
    expect(entries.map(({ data }) => data)).toEqual(['1', '3']);
    expect(resultsOf(answer)).toEqual([
      { channel: good, offset: entries[0]?.offset, duplicate: true },
      { channel: good, code: 'idempotency_conflict', message: expect.any(String) },
      { channel: other, code: 'payload_too_large', message: expect.any(String) },
      { channel: good, offset: entries[1]?.offset },
    ]);
  });

  it('says `duplicate` of a single message too whose key was used before', async () => {
    await start();
    const body = { channel: channel('one'), data: 1, key: 'k' };
    const first = await publish(body);
    expect(first.body).toEqual({ channel: channel('one'), offset: expect.any(String) });
    expect((await publish(body)).body).toEqual({ ...first.body, duplicate: true });
  });

  it('asks a client for its grant for each channel, and stamps what it publishes', async () => {
    await start();
    const grants = { subscribe: [], publish: [channel('mine')], presence: [] };
    const ticket = node.ticket('ann', grants);
    const answer = await publish({ channels: [channel('mine'), channel('theirs')], data: 1 }, ticket);
    expect(answer.status).toBe(207);
    expect(resultsOf(answer)).toMatchObject([{ offset: expect.any(String) }, { code: 'forbidden' }]);
    expect((await stored('mine'))[0]?.from).toContain('"user":"ann"');
    expect(await stored('theirs')).toEqual([]);
  });

  it('costs a client a unit for each message, before any is stored', async () => {
    await start({ publishRate: { perSecond: 0.001, burst: 10 } });
    const ticket = node.ticket('ann');
    const body = (count: number) => ({ channels: Array(count).fill(channel('paid')), data: 1 });
    expect((await publish(body(6), ticket)).status).toBe(200);
    expect((await publish(body(6), ticket)).body).toMatchObject({ code: 'rate_limited' });
    expect((await publish(body(11), ticket)).body).toMatchObject({ code: 'too_many_channels' });
    expect(await stored('paid')).toHaveLength(6);
    expect((await publish(body(20))).status).toBe(200);
  });
});
