// Who comes back while another has a channel opened, at whichever moment: each has what was missed, once, and the log is not read for it again.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { Turns } from '../../src/lib/turns.js';
import { type Sink, Subscription } from '../../src/node/clients/subscription.js';
import { createFaultyBroker, type FaultyBroker } from '../support/faulty-broker.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { nodeOf, pollsOf } from '../unit/node/nameless-polls.js';

const NAMESPACES = { default: { historySize: 1_000 } };
const MISSED = 20;
const AT_ONCE = 50;
const LINK = { aheadBytes: 256 * 1024, charge: () => undefined };
/** WebSockets and streams; a poll leaves nothing behind but its answer. */
const CONSUMERS = ['link', 'long poll', 'link or long poll'] as const;
/** Of the first one's way: its subscription stands but is not confirmed; the log has been asked; the log has answered; the turn is over. */
const MOMENTS = ['before the subscription is confirmed', 'while the log is read', 'when it was read', 'later'] as const;

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(kind: 'redis' | 'memory') {
  await redis.admin.flushall();
  const namespaces = new Namespaces(NAMESPACES);
  const broker =
    kind === 'memory'
      ? createFaultyBroker(NAMESPACES)
      : createFaultyBroker(
          NAMESPACES,
          createRedisBroker({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger }),
        );
  const node = await nodeOf(1_000, broker);
  const polls = pollsOf(node);
  closing.push(
    () => broker.close(),
    () => node.channels.close(),
    () => polls.close(),
  );
  const offsets: string[] = [];
  for (let n = 0; n <= MISSED; n++) offsets.push(await broker.publish({ channel: 'news', data: String(n) }));
  const [had = '', ...missed] = offsets;
  const links: string[][] = [];
  const comes = {
    link: () => {
      const got: string[] = [];
      links.push(got);
      const channel = node.channels.acquire('news', had);
      const terms = { ...LINK, turns: new Turns(4), slices: node.channels.slices };
      void new Subscription(channel, sinkTo(got)).begin(had, undefined, terms);
    },
    'long poll': () => void polls.begin({ news: had }, 60_000),
  };
  /** What each that came has got. */
  const got = () => [...links, ...polls.answers.map(offsetsOf)];
  return { broker, comes, got, missed };
}

function sinkTo(got: string[]): Sink {
  return {
    sendEvent: ({ type }) => void (type === 'subscribed' || got.push(type)),
    sendMessage: ({ offset }) => void got.push(offset ?? 'live'),
    cork: (write) => write(),
    bufferedBytes: () => 0,
    drained: () => Promise.resolve(),
    join: () => undefined,
    leave: () => undefined,
  };
}

function offsetsOf(answer: unknown): string[] {
  const { channels } = answer as { channels: { news: { messages: { offset: string }[] } } };
  return channels.news.messages.map(({ offset }) => offset);
}

/** Has `come` come at that moment of the first one's way. */
function at(moment: (typeof MOMENTS)[number], broker: FaultyBroker, come: () => void): void {
  let isFirst = true;
  const once = async () => {
    if (!isFirst) return;
    isFirst = false;
    come();
    // Whatever those who have come begin of their own accord.
    await soon();
    await soon();
  };
  if (moment === 'before the subscription is confirmed') broker.afterSubscribe = once;
  else if (moment === 'while the log is read') broker.beforeRead = once;
  else if (moment === 'when it was read') broker.afterRead = once;
}

const cells = (['redis', 'memory'] as const).flatMap((kind) => CONSUMERS.map((consumer) => ({ kind, consumer })));

describe.each(cells)('a $consumer that resumes, on the $kind broker', ({ kind, consumer }) => {
  it.each(MOMENTS)('meets what another has had read, %s', async (moment) => {
    const { broker, comes, got, missed } = await start(kind);
    const come = (number: number) =>
      comes[consumer === 'link or long poll' ? (number % 2 ? 'link' : 'long poll') : consumer]();
    const crowd = () => {
      for (let n = 0; n < AT_ONCE; n++) come(n);
    };
    at(moment, broker, crowd);
    come(0);
    const all = 1 + AT_ONCE;
    const whole = async (count: number) => {
      await expect.poll(() => got().filter(({ length }) => length >= MISSED).length).toBe(count);
      for (const offsets of got()) expect(offsets).toEqual(missed);
    };
    await whole(moment === 'later' ? 1 : all);
    if (moment === 'later') {
      crowd();
      await whole(all);
    }
    // One link alone has nothing kept for others that may never come: the second one's read is for all of them.
    expect(broker.reads).toBe(consumer === 'link' && moment === 'later' ? 2 : 1);
    crowd();
    await whole(all + AT_ONCE);
    expect(broker.reads).toBe(consumer === 'link' && moment === 'later' ? 2 : 1);
  });
});
