// Who may only publish live-only messages: the bus channel of their own, and what is believed of whoever forges there.

import { expect, test } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import { encodeEnvelope } from '../support/envelope.js';
import { RecordingListener } from '../support/recording-listener.js';
import { publishTo, readFrom, useRedisBroker } from '../support/redis-broker.js';

const current = useRedisBroker();
const busName = () => `fanfare:{${current.channel}}`;
const liveName = () => `${busName()}:live`;
const SENDER = Buffer.from('{"connection":"x","user":"admin"}');
const FORGED = Buffer.from('"forged"');

/** An offset after this one, of the same master, so long after it. */
function after(offset: string, ms: number): string {
  const { ms: at, seq } = parseOffset(offset);
  return formatOffset(at + ms, seq);
}

test('live-only messages come on the bus channel of their own, and as bare data on the one of logged messages', async () => {
  const { broker, channel, listener, server } = current;
  await broker.subscribe(channel);
  await server.admin.publish(liveName(), '1');
  await server.admin.publish(busName(), '2');
  await broker.publishLive(channel, '3');
  await listener.until(() => listener.messages.length === 3);
  expect(listener.data(channel)).toEqual(['1', '2', '3']);
  expect(listener.messages.map(({ offset, from }) => offset ?? from)).toEqual([undefined, undefined, undefined]);
});

test('what a node publishes live-only comes on the channel that is live-only', async () => {
  const { broker, channel, server } = current;
  const subscriber = server.admin.duplicate();
  const heard = new Promise((resolve) => subscriber.once('message', (...message) => resolve(message)));
  await subscriber.subscribe(busName(), liveName());
  await broker.publishLive(channel, '1');
  expect(await heard).toEqual([liveName(), '1']);
  subscriber.disconnect();
});

test('envelopes on it are no messages: they are told of, and nothing has to be read for them', async () => {
  const { broker, channel, listener, server } = current;
  const { tail } = await readFrom(current, 'now');
  await broker.subscribe(channel);
  for (const forged of [encodeEnvelope(after(tail, 1), tail, FORGED, SENDER), '\u0001', '\u00011broken']) {
    await server.admin.publish(liveName(), forged);
  }
  await server.admin.publish(liveName(), 'x'.repeat(65_537));
  await publishTo(current, '"true"');
  await listener.until(() => listener.messages.length === 1);
  expect(listener.messages).toMatchObject([{ data: '"true"', previous: tail, from: undefined }]);
  expect(listener.damages.map(({ cause }) => cause)).toEqual(['live', 'live', 'live', 'live']);
});

test("an envelope whose offset lies ahead of Redis' clock is no message, and the log is to be read", async () => {
  const { broker, channel, listener, server } = current;
  const { tail } = await readFrom(current, 'now');
  await broker.subscribe(channel);
  await server.admin.publish(busName(), encodeEnvelope('9999999999999-0000000000000001', tail, FORGED, SENDER));
  await server.admin.publish(busName(), encodeEnvelope(after(tail, 10_000), tail, FORGED, SENDER));
  await publishTo(current, '"true"');
  await listener.until(() => listener.messages.length === 1);
  expect(listener.messages).toMatchObject([{ data: '"true"', previous: tail }]);
  expect(listener.damages.map(({ cause }) => cause)).toEqual(['future', 'future']);
});

test('an offset that is ahead only because its predecessor is, as after the clock went back, is believed', async () => {
  const { broker, channel, listener, server } = current;
  const ahead = formatOffset(Date.now() + 3_600_000, 7 * 2 ** 20);
  await server.admin.set(`${busName()}:tail`, `${ahead} ${ahead}`);
  await broker.subscribe(channel);
  for (const data of ['1', '2', '3']) await publishTo(current, data);
  await listener.until(() => listener.messages.length === 3);
  expect(listener.damages).toEqual([]);
});

test('a namespace without live-only messages costs one subscription, and is published to all the same', async () => {
  const { server } = current;
  const namespaces = new Namespaces({ quiet: { live: false } });
  const options = { url: server.url, prefix: 'fanfare', logger: silentLogger };
  const broker = createRedisBroker({ ...options, namespaces });
  const listener = new RecordingListener();
  await broker.start(listener);
  const subscribed = async (channel: string) => {
    const names = [`fanfare:{${channel}}`, `fanfare:{${channel}}:live`];
    return (await server.admin.pubsub('NUMSUB', ...names)).filter((_, n) => n % 2 === 1);
  };
  for (const channel of ['quiet:x', 'other:x']) await broker.subscribe(channel);
  expect(await subscribed('quiet:x')).toEqual([1, 0]);
  expect(await subscribed('other:x')).toEqual([1, 1]);
  await server.admin.publish('fanfare:{quiet:x}:live', '"nobody hears it"');
  await broker.publishLive('quiet:x', '1');
  await listener.until(() => listener.messages.length === 1);
  expect(listener.data('quiet:x')).toEqual(['1']);
  for (const channel of ['quiet:x', 'other:x']) broker.unsubscribe(channel);
  await expect.poll(() => subscribed('quiet:x')).toEqual([0, 0]);
  await expect.poll(() => subscribed('other:x')).toEqual([0, 0]);
  await broker.close();
});
