// What readers leave behind in Redis: positions that they were given, for minutes, and nothing else.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger as logger } from '../../src/lib/logger.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

/** Of a tail that a reader opened. */
const LIFE_MS = 5 * 60_000;
const POLLS = 30;
const CHANNELS = 128;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.each(['uws', 'ws'] as const)(
  'short polls of nobody on channels that do not exist, on the %s engine',
  (engine) => {
    let node: TestNode;
    beforeEach(async () => {
      await redis.admin.flushall();
      const open = { default: { public: true } };
      const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces: new Namespaces(open), logger });
      node = await startNode({ engine, broker, namespaces: open });
    });
    afterEach(() => node?.close());

    const poll = (channels: Record<string, string>): Promise<Response> =>
      fetch(`${node.url}/v1/poll`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ channels, waitMs: 0 }),
      });
    const madeUp = (after: string) =>
      Object.fromEntries(Array.from({ length: CHANNELS }, () => [`x:${randomUUID()}`, after]));

    it('write nothing where they ask for history', async () => {
      for (let n = 0; n < POLLS; n++) expect((await poll(madeUp('-1'))).status).toBe(204);
      expect(await redis.admin.dbsize()).toBe(0);
    });

    it('leave positions that end by themselves within minutes', async () => {
      for (let n = 0; n < POLLS; n++) expect((await poll(madeUp('now'))).status).toBe(200);
      const keys = await redis.admin.keys('*');
      expect(keys).toHaveLength(POLLS * CHANNELS);
      const lives = await Promise.all(keys.map((key) => redis.admin.pttl(key)));
      expect(Math.min(...lives)).toBeGreaterThan(0);
      expect(Math.max(...lives)).toBeLessThanOrEqual(LIFE_MS);
      // Nobody renews them: after their time Redis is as it was.
      for (const key of keys) redis.admin.pexpire(key, 1);
      await expect.poll(() => redis.admin.dbsize()).toBe(0);
    });

    it('go on exactly where `now` was, whatever comes between', async () => {
      const channel = `x:${randomUUID()}`;
      const first = (await (await poll({ [channel]: 'now' })).json()) as Answer;
      const after = first.channels[channel]?.offset ?? '';
      const offset = await node.broker.publish({ channel, data: '1' });
      const second = (await (await poll({ [channel]: after })).json()) as Answer;
      expect(second.channels[channel]).toEqual({ offset, messages: [{ offset, data: 1 }] });
      // And who asked for history before there was any is given all of it.
      expect(((await (await poll({ [channel]: '-1' })).json()) as Answer).channels[channel]?.messages).toHaveLength(1);
    });
  },
);

interface Answer {
  readonly channels: Readonly<Record<string, { readonly offset: string; readonly messages: readonly object[] }>>;
}
