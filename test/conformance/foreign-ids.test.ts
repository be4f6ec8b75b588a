// Somebody wrote an id into a channel's log that no time comes to: publishes say so and name the key, and deleting the channel mends it.

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { RecordingListener } from '../support/recording-listener.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { type RedisServer, startRedis } from '../support/redis.js';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

async function started() {
  const logger = new RecordingLogger();
  const broker = createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces: new Namespaces(), logger });
  onTestFinished(() => broker.close());
  await broker.start(new RecordingListener());
  return { broker, logger };
}

const FAR = '9999999999999-0000000000000001';
const log = (channel: string) => `fanfare:{${channel}}:log`;
const add = (channel: string, id: string) => redis.admin.xadd(log(channel), id, 'd', '1');
const SPOILED: Readonly<Record<string, (channel: string) => Promise<unknown>>> = {
  microseconds: (channel) => add(channel, `${Date.now()}000-1`),
  'the last millisecond': (channel) => add(channel, '9999999999999-1'),
  'the last of all ids': (channel) => add(channel, '18446744073709551615-18446744073709551615'),
  'a tail of the last millisecond': (channel) => redis.admin.set(`fanfare:{${channel}}:tail`, `${FAR} ${FAR}`),
  'an entry that was taken away again': async (channel) => {
    const id = await add(channel, '9999999999999-1');
    await redis.admin.xdel(log(channel), id ?? '');
  },
};

it.each(Object.entries(SPOILED))(
  '%s: is told by both functions and the log, and mended by a delete',
  async (name, spoil) => {
    const { broker, logger } = await started();
    const channels = ['a', 'b'].map((end) => `${name.replaceAll(' ', '-')}:${end}`);
    for (const channel of channels) {
      await broker.publish({ channel, data: '1' });
      await spoil(channel);
      await expect(broker.publish({ channel, data: '2' })).rejects.toMatchObject({
        code: 'internal',
        message: expect.stringContaining('nothing can follow'),
      });
      const key = expect.stringMatching(new RegExp(`^BADLOG fanfare:.${channel}.:log `));
      await expect(redis.admin.call('FCALL', 'fanfare_publish', 1, channel, '3')).rejects.toMatchObject({
        message: key,
      });
      expect(await redis.admin.call('FCALL', 'fanfare_publish_many', 1, channel, '3')).toEqual([key]);
    }
    const named = logger.lines
      .filter(({ level }) => level === 'error')
      .map(({ fields }) => 'keys' in fields && fields.keys);
    expect(named).toEqual(channels.map((channel) => `fanfare:{${channel}}:*`));
    for (const channel of channels) {
      await broker.eraser.erase(channel);
      await broker.publish({ channel, data: '4' });
      await broker.publish({ channel, data: '5' });
    }
  },
);
