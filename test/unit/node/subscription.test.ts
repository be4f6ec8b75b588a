// One subscription's way from its position to live, whatever happens to its link on the way.

import { expect, it } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { steadyUnixMs } from '../../../src/lib/clocks.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Slices } from '../../../src/lib/slices.js';
import { Turns } from '../../../src/lib/turns.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { type Sink, Subscription } from '../../../src/node/clients/subscription.js';
import { Subscriptions } from '../../../src/node/clients/subscriptions.js';
import { NOBODY } from '../../../src/node/clients/visitor.js';
import type { ServerEvent } from '../../../src/protocol/index.js';
import { createFaultyBroker, type FaultyBroker } from '../../support/faulty-broker.js';
import { FREE, feedRules } from './nameless-polls.js';

async function open() {
  const broker = createFaultyBroker();
  const channels = new Channels({
    broker,
    namespaces: new Namespaces(),
    logger: silentLogger,
    publish: () => undefined,
    maxChannels: 10_000,
  });
  await broker.start(channels);
  return { broker, channels };
}

/** A link that keeps what it gets; `onEvent` may break it. */
class RecordingSink implements Sink {
  readonly told: string[] = [];
  joined = 0;
  onEvent = () => {};
  /** What `bufferedBytes` answers, and what `drained` waits for. */
  buffered = 0;
  drain: Promise<void> = Promise.resolve();

  sendEvent(event: ServerEvent): void {
    this.told.push(event.type);
    this.onEvent();
  }
  sendMessage(message: { readonly offset: string | undefined }): void {
    this.told.push(message.offset ?? 'live');
    this.onEvent();
  }
  cork(write: () => void): void {
    write();
  }
  bufferedBytes(): number {
    return this.buffered;
  }
  drained(): Promise<void> {
    return this.drain;
  }
  join(): void {
    this.joined++;
  }
  leave(): void {
    this.joined--;
  }
}

const slices = new Slices();
const terms = () => ({ turns: new Turns(4), slices, aheadBytes: 256 * 1024, charge: () => undefined });

const publish = async (broker: FaultyBroker, count: number) => {
  const offsets: string[] = [];
  for (let n = 0; n < count; n++) offsets.push(await broker.healthy.publish({ channel: 'news', data: String(n) }));
  return offsets;
};

it('never joins the audience when its link ends while it is told that it is subscribed', async () => {
  const { channels } = await open();
  const channel = channels.acquire('news');
  await channel.ready;
  const sink = new RecordingSink();
  const subscription = new Subscription(channel, sink);
  sink.onEvent = () => subscription.end();
  await subscription.begin('now', 1, terms());
  expect(sink.told).toEqual(['subscribed']);
  expect(sink.joined).toBe(0);
  expect(subscription.isLive).toBe(false);
  channels.close();
});

it('gives up reading the log once it has ended, while the broker is away', async () => {
  const { broker, channels } = await open();
  const channel = channels.acquire('news');
  await channel.ready;
  broker.away = true;
  const subscription = new Subscription(channel, new RecordingSink());
  const begun = subscription.begin('-1', 1, terms());
  subscription.end();
  // It would read on until the broker is back.
  await begun;
  channels.close();
});

it('does not have a healthy channel repaired because its own link reads slowly', async () => {
  const { broker, channels } = await open();
  const offsets = await publish(broker, 10);
  const channel = channels.acquire('news');
  await channel.ready;
  const sink = new RecordingSink();
  let release = () => {};
  sink.buffered = 1_000_000;
  sink.drain = new Promise((resolve) => {
    release = resolve;
  });
  const begun = new Subscription(channel, sink).begin('-1', 1, terms());
  while (sink.told.length === 0) await new Promise((resolve) => setImmediate(resolve));
  offsets.push(...(await publish(broker, 300)));
  await new Promise((resolve) => setImmediate(resolve));
  sink.buffered = 0;
  release();
  await begun;
  expect(sink.told.slice(1)).toEqual(offsets);
  expect(sink.joined).toBe(1);
  expect(channels.counters.repairs).toBe(0);
  channels.close();
});

it('is live at once, without a promise, where nothing was missed', async () => {
  const { broker, channels } = await open();
  const [first = ''] = await publish(broker, 1);
  await channels.acquire('news').ready;
  const sink = new RecordingSink();
  const reader = Object.assign(sink, { keys: {} });
  const parts = { channels, namespaces: new Namespaces({ default: { public: true } }), logger: silentLogger };
  const limits = {
    channelsPerConnection: 10,
    aheadBytes: 256 * 1024,
    polls: FREE,
    nowMs: steadyUnixMs,
    feeds: feedRules(new Namespaces()),
  };
  const begin = (after: string) => new Subscriptions({ ...parts, ...limits }, reader).begin(NOBODY, 'news', after, 1);
  expect([begin('now'), begin(first)]).toEqual([undefined, undefined]);
  expect([sink.told, sink.joined]).toEqual([['subscribed', 'subscribed'], 2]);
  channels.close();
});

it('serves those who come back together in slices of the loop, and others come in between', async () => {
  const { broker, channels } = await open();
  await publish(broker, 2);
  const channel = channels.acquire('news');
  await channel.ready;
  const sinks = Array.from({ length: 100 }, () => new RecordingSink());
  const all = sinks.map((sink) => {
    sink.onEvent = () => {
      const untilMs = performance.now() + 1;
      while (performance.now() < untilMs);
    };
    return new Subscription(channel, sink).begin('-1', 1, { ...terms(), slices: channels.slices });
  });
  let turns = 0;
  let isServed = false;
  void Promise.all(all).then(() => {
    isServed = true;
  });
  for (; !isServed; turns++) await new Promise((resolve) => setImmediate(resolve));
  // 300 ms of work, of which each turn has some 8.
  expect(turns).toBeGreaterThan(20);
  expect(new Set(sinks.map(({ told }) => told.length))).toEqual(new Set([3]));
  channels.close();
});
