// What the Redis broker does with its publishers, its bus and its function library.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { formatOffset, isOffset } from '../../src/protocol/index.js';
import { encodeEnvelope } from '../support/envelope.js';
import { RecordingListener } from '../support/recording-listener.js';
import { dataOf, publishTo, readFrom, useRedisBroker } from '../support/redis-broker.js';

const current = useRedisBroker();
const namespaces = new Namespaces();
const busName = () => `fanfare:{${current.channel}}`;

const FULL = ['2', 'fanfare:{a}:log', 'fanfare:{a}:tail'];

describe('a publisher with a plain Redis client', () => {
  test('reaches subscribers by PUBLISH and by FCALL', async () => {
    await current.broker.subscribe(current.channel);
    await current.server.admin.publish(busName(), '{"live":1}');
    const offset = await current.server.admin.call('FCALL', 'fanfare_publish', 1, current.channel, '{"logged":1}');
    await current.listener.until(() => current.listener.messages.length === 2);
    expect(current.listener.messages.map((message) => [message.offset, message.data])).toEqual([
      [undefined, '{"live":1}'],
      [offset, '{"logged":1}'],
    ]);
  });

  test('has its sender on the bus and in the log alike, where it is one object on one line', async () => {
    const { broker, channel, listener, server } = current;
    await broker.subscribe(channel);
    const keys = [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`];
    const senders = ['{}', '{"user":"a","more":[{}]}', '{"user":"\\n"}', '{"user":"\u007f \u00fc"}'];
    for (const from of senders) {
      await server.admin.call('FCALL', 'fanfare_publish', 2, ...keys, '1', from);
    }
    await listener.until(() => listener.messages.length === senders.length);
    const log = (await readFrom(current, '-1')).entries.map((entry) => entry.from?.toString());
    expect(listener.messages.map(({ from }) => from)).toEqual(log);
    expect(log).toEqual(senders);
  });

  test.each(['', 'x', '-2', '1-1', 'last:', 'last:5:x', 'last:99999', '1795342704012-0000433091248128\n'])(
    'cannot read after %j',
    async (after) => {
      const { channel, server } = current;
      const keys = [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`];
      const read = server.admin.call('FCALL_RO', 'fanfare_read', 2, ...keys, after, 10, 1_000);
      await expect(read).rejects.toThrow(/^BADARGS/);
    },
  );

  test('shares idempotency keys of scope b with the declared form', async () => {
    const offset = await current.server.admin.call('FCALL', 'fanfare_publish', 1, current.channel, '1', 'order-7');
    expect(await current.broker.publish({ channel: current.channel, data: '1', key: 'b:order-7' })).toBe(offset);
  });

  test.each([
    ['a bad name', ['1', 'a{b', '1'], /^BADCHANNEL/],
    ['a bad key', ['1', 'news', '1', 'ключ'], /^BADKEY/],
    ['an empty key', ['1', 'news', '1', ''], /^BADKEY/],
    ['no data', ['1', 'news'], /^BADARGS/],
    ['too much data', ['1', 'news', 'x'.repeat(65_537)], /^TOOLARGE/],
    ['keys of two channels', ['2', 'fanfare:{a}:log', 'fanfare:{b}:tail', '1'], /^BADCHANNEL/],
    ['keys of the cluster', ['2', 'fanfare:{!cluster}:log', 'fanfare:{!cluster}:tail', '1'], /^BADCHANNEL/],
    ['a sender with a line break', [...FULL, ',2]', '{"user":"admin"}\n[1'], /^BADARGS/],
    ['a sender with a line break inside', [...FULL, '1', '{"user":\r"admin"}'], /^BADARGS/],
    ['a sender that is no object', [...FULL, '1', '["admin"]'], /^BADARGS/],
    ['a sender that is two', [...FULL, '1', '{"user":"a"}{"user":"b"}'], /^BADARGS/],
    ['a sender of 2 KB', [...FULL, '1', JSON.stringify({ user: 'x'.repeat(2_000) })], /^BADARGS/],
    ['a declared key with a line break', ['3', ...FULL.slice(1), 'fanfare:{a}:key:b:k\n', '1'], /^BADKEY/],
    ['a declared key with a space', ['3', ...FULL.slice(1), 'fanfare:{a}:key:b:k k', '1'], /^BADKEY/],
    ["another channel's key", ['3', 'fanfare:{a}:log', 'fanfare:{a}:tail', 'fanfare:{b}:key:b:k', '1'], /^BADKEY/],
  ])('is refused with %s', async (_, args, expected) => {
    await expect(current.server.admin.call('FCALL', 'fanfare_publish', ...args)).rejects.toThrow(expected);
  });
});

describe('the bus', () => {
  test('carries anything as a live message, normalised, and reports what it cannot use', async () => {
    await current.broker.subscribe(current.channel);
    const [one, two] = [formatOffset(1_800_000_000_000, 1), formatOffset(1_800_000_000_000, 2)];
    const good = encodeEnvelope(two, one, Buffer.from('1'));
    const wrongVersion = Buffer.from(good);
    wrongVersion[1] = 0x32;
    const garbage = [
      Buffer.from('plain text'),
      Buffer.from('NaN'),
      Buffer.from([0x22, 0xff, 0x22]),
      Buffer.from(''),
      Buffer.from([1]),
      good.subarray(0, 40),
      wrongVersion,
      encodeEnvelope(one, two, Buffer.from('1')),
      encodeEnvelope('x'.repeat(30), one, Buffer.from('1')),
      encodeEnvelope(two, one, Buffer.from('1'), Buffer.from('"not an object"')),
      Buffer.alloc(10 * 1024 * 1024, 'x'),
    ];
    for (const payload of garbage) await current.server.admin.publish(busName(), payload);
    await current.server.admin.publish(busName(), good);
    await current.listener.until(() => current.listener.messages.length === 5);
    expect(current.listener.data(current.channel)).toEqual(['"plain text"', '"NaN"', '"\\"\ufffd\\""', '""', '1']);
    expect(current.listener.damages.map((damage) => damage.channel)).toEqual(
      Array.from({ length: 7 }, () => current.channel),
    );
  });

  test('is subscribed again after the connection was killed, and the channels are named', async () => {
    const channels = Array.from({ length: 1_200 }, (_, n) => `${current.channel}:${n}`);
    await Promise.all(channels.map((name) => current.broker.subscribe(name)));
    const gone = channels.pop() ?? '';
    current.broker.unsubscribe(gone);
    await current.server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await current.listener.until(() => current.listener.resubscriptions.length === channels.length);
    expect([...current.listener.resubscriptions].sort()).toEqual([...channels].sort());
    await Promise.all([...channels, gone].map((name) => current.broker.publish({ channel: name, data: '1' })));
    await current.listener.until(() => current.listener.messages.length === channels.length);
    expect(current.listener.data(gone)).toEqual([]);
  });

  test('has exactly the channels that were wanted last, whatever raced with what', async () => {
    const { broker, server, channel } = current;
    const names = Array.from({ length: 6 }, (_, n) => `${channel}:${n}`);
    const step = fc.tuple(
      fc.constantFrom(...names),
      fc.constantFrom('subscribe', 'subscribe', 'unsubscribe', 'turn', 'kill'),
    );
    // On the bus channel of logged messages, and on the one of live-only messages.
    const numSub = async () => {
      const busNames = names.map((name) => `fanfare:{${name}}`);
      const answer = await server.admin.pubsub('NUMSUB', ...busNames, ...busNames.map((name) => `${name}:live`));
      const counts = answer.filter((_, n) => n % 2 === 1).map(Number);
      return names.map((_, n) => [counts[n], counts[n + names.length]]);
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const last = new Map<string, Promise<boolean>>();
        for (const [name, action] of steps) {
          if (action === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else if (action === 'kill') await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
          else if (action === 'unsubscribe') {
            broker.unsubscribe(name);
            last.set(name, Promise.resolve(false));
          } else {
            const stood = last.get(name) ?? Promise.resolve(false);
            // What fails while the connection is down changes nothing about a subscription that stood before.
            last.set(
              name,
              broker.subscribe(name).then(
                () => true,
                () => stood,
              ),
            );
          }
        }
        const wanted = await Promise.all(names.map((name) => last.get(name) ?? false));
        await expect.poll(() => broker.status().ready).toBe(true);
        await expect.poll(numSub).toEqual(wanted.map((isWanted) => [Number(isWanted), Number(isWanted)]));
        for (const name of names) broker.unsubscribe(name);
        await expect.poll(numSub).toEqual(names.map(() => [0, 0]));
      }),
      { numRuns: 40 },
    );
  });

  test('keeps what is no JSON within the limit, live, logged and read again, however much of it needs an escape', async () => {
    await current.broker.subscribe(current.channel);
    const bytes = Buffer.alloc(60_000, 0x02);
    await current.server.admin.call('FCALL', 'fanfare_publish', 1, current.channel, bytes);
    await current.server.admin.publish(busName(), bytes);
    await current.listener.until(() => current.listener.messages.length === 2);
    const expected = JSON.stringify('?'.repeat(60_000));
    expect(current.listener.data(current.channel)).toEqual([expected, expected]);
    expect(dataOf(await readFrom(current, '-1'))).toEqual([expected]);
  });

  test('keeps a listener that throws from ending the process', async () => {
    const throwing = new RecordingListener();
    const received: string[] = [];
    throwing.message = (_, { data }) => {
      received.push(String(data));
      if (received.length === 2) throwing.damaged('', 'done', 'live');
      throw new Error('from the listener');
    };
    const other = createRedisBroker({ url: current.server.url, prefix: 'fanfare', namespaces, logger: current.logger });
    await other.start(throwing);
    await other.subscribe(current.channel);
    await publishTo(current, '1');
    await publishTo(current, '2');
    await throwing.until(() => received.length === 2);
    await other.close();
    expect(current.logger.texts('error')).toContain('a message from the bus could not be handed on');
  });
});

describe('the function library', () => {
  test('is loaded again when Redis has lost it', async () => {
    await current.server.admin.call('FUNCTION', 'FLUSH');
    expect(isOffset(await publishTo(current, '1'))).toBe(true);
    await current.server.admin.call('FUNCTION', 'FLUSH');
    expect(dataOf(await readFrom(current, '-1'))).toEqual(['1']);
  });

  test('is loaded once for all who miss it at the same time', async () => {
    const loads = async () => {
      const stats = await current.server.admin.info('commandstats');
      return Number(/cmdstat_function\|load:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const before = await loads();
    await current.server.admin.call('FUNCTION', 'FLUSH');
    const offsets = await Promise.all(Array.from({ length: 500 }, (_, n) => publishTo(current, String(n))));
    expect(new Set(offsets).size).toBe(500);
    expect(await loads()).toBe(before + 1);
  });

  test('has the limits of whoever started last; whoever started before follows, and says so', async () => {
    const { admin, url } = current.server;
    const inForce = async () => String(((await admin.call('FCALL', 'fanfare_version', 0)) as unknown[])[1]);
    const before = await inForce();
    const other = { default: { historySize: 1 } };
    const newer = createRedisBroker({
      ...{ url, prefix: 'fanfare', namespaces: new Namespaces(other), logger: silentLogger },
      maxMessageBytes: 2_048,
    });
    await newer.start(new RecordingListener());
    expect(await inForce()).toMatch(/^2048;default=1\//);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await expect.poll(() => current.logger.texts('warn').join()).toContain('of a process that started later');
    expect(await inForce()).toMatch(/^2048;default=1\//);
    await newer.close();
    // A third, with those of the first.
    const third = createRedisBroker({ url, prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger });
    await third.start(new RecordingListener());
    expect(await inForce()).toBe(before);
    await third.close();
  });

  test('replaces an older one and leaves a newer one', async () => {
    const list = async () => {
      const answer = await current.server.admin.call('FCALL', 'upgraded_version', 0);
      return Array.isArray(answer) ? Number(answer[0]) : undefined;
    };
    const plant = (revision: number) =>
      current.server.admin.call(
        'FUNCTION',
        'LOAD',
        'REPLACE',
        `#!lua name=upgraded\nredis.register_function{function_name='upgraded_version',callback=function() return {${revision},'x'} end,flags={'no-writes'}}`,
      );
    const start = async () => {
      const node = createRedisBroker({
        url: current.server.url,
        prefix: 'upgraded',
        namespaces,
        logger: current.logger,
      });
      await node.start(new RecordingListener());
      await node.close();
    };
    await plant(0);
    await start();
    expect(await list()).toBeGreaterThan(0);
    await plant(1_000_000);
    await start();
    expect(await list()).toBe(1_000_000);
  });
});
