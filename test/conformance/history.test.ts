// Whatever subscribers do and however the bus and the broker fail, each history is the log's: in order, once, gaps told.

import { describe, expect, it } from 'vitest';
import type { BrokerMessage } from '../../src/broker/broker.js';
import { createFaultyBroker, type FaultyBroker } from '../support/faulty-broker.js';
import { Judge, PublishedLog } from '../support/history-judge.js';
import { HistorySubscriber } from '../support/history-subscriber.js';
import { startNode } from '../support/push-node.js';
import { Random } from '../support/random.js';

const SUBSCRIBERS = 24;
/** Chosen: what a run has to have seen. It goes on until then, however busy the machine is. */
const ENOUGH = { messages: 2_000, gaps: 6, resumes: SUBSCRIBERS + 25, repairs: 20 };
/** Chosen: several times as many as bring that. */
const MAX_ROUNDS = 5_000;
const NAMESPACES = { default: { historySize: 5_000 }, short: { historySize: 8 } };
const CHANNELS = ['long:1', 'long:2', 'long:3', 'short:1', 'short:2'];
const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Drops, repeats and reorders what the bus brings; makes reads slow or fail. */
function breakBroker(broker: FaultyBroker, random: Random): void {
  const held: (() => void)[] = [];
  broker.bus = (channel, message: BrokerMessage, deliver) => {
    const dice = random.next();
    if (dice < 0.08) return;
    if (dice < 0.14) held.push(() => deliver(channel, message));
    else deliver(channel, message);
    if (dice > 0.95) deliver(channel, message);
    if (random.chance(0.1)) for (const late of held.splice(0)) late();
  };
  const pause = () => (random.chance(0.3) ? soon() : undefined);
  broker.beforeRead = pause;
  broker.afterRead = pause;
}

function heal(broker: FaultyBroker): void {
  broker.away = false;
  broker.bus = (channel, message, deliver) => deliver(channel, message);
  broker.beforeRead = () => undefined;
  broker.afterRead = () => undefined;
}

/** Of what a run is to see, what it has seen too little of. */
function missing(seen: typeof ENOUGH): string[] {
  const short = (['messages', 'gaps', 'resumes', 'repairs'] as const).filter((what) => seen[what] < ENOUGH[what]);
  return short.map((what) => `${seen[what]} of ${ENOUGH[what]} ${what}`);
}

describe.each(['uws', 'ws'] as const)('on the %s engine', (engine) => {
  const seed = Number(process.env.FANFARE_TEST_SEED ?? Date.now() % 2 ** 31);

  it(`keeps every promise to every subscriber (FANFARE_TEST_SEED=${seed})`, async () => {
    const random = new Random(seed);
    const broker = createFaultyBroker(NAMESPACES);
    const node = await startNode({ engine, broker, namespaces: NAMESPACES });
    const logs = new Map(CHANNELS.map((name) => [name, new PublishedLog(name.startsWith('short') ? 8 : 5_000)]));
    const publish = async () => {
      const channel = random.pick(CHANNELS);
      const value = { n: random.below(1e9), pad: 'x'.repeat(random.below(300)) };
      logs.get(channel)?.add(await broker.healthy.publish({ channel, data: JSON.stringify(value) }), value);
    };
    const clients = Array.from({ length: SUBSCRIBERS }, () => {
      const mine = CHANNELS.filter(() => random.chance(0.5));
      return new HistorySubscriber(node, random, new Map([...logs].filter(([name]) => mine.includes(name))));
    }).filter(({ judges }) => judges.length > 0);
    const seen = () => {
      const judges = clients.flatMap((client) => client.judges);
      return {
        messages: judges.reduce((sum, { messages }) => sum + messages, 0),
        gaps: judges.reduce((sum, { gaps }) => sum + gaps, 0),
        resumes: clients.reduce((sum, { resumes }) => sum + resumes, 0),
        repairs: node.node.stats().repairs ?? 0,
      };
    };
    try {
      for (const client of clients) client.reconnect();
      breakBroker(broker, random);
      for (let round = 0; round < MAX_ROUNDS && missing(seen()).length > 0; round++) {
        await soon();
        for (let n = random.below(6); n > 0; n--) await publish();
        if (random.chance(0.02)) broker.away = !broker.away;
        if (!broker.away && random.chance(0.05)) broker.resubscribed(CHANNELS);
        if (random.chance(0.1)) random.pick(clients).reconnect();
        if (random.chance(0.1)) random.pick(clients).act();
        for (const client of clients) await client.take();
      }
      heal(broker);
      broker.resubscribed(CHANNELS);
      const reached = (client: HistorySubscriber) => client.isAt((name) => logs.get(name)?.last ?? '');
      while (!clients.every(reached)) {
        for (const client of clients) await client.take();
        await soon();
      }
    } finally {
      for (const client of clients) client.close();
      await node.close();
    }
    expect(missing(seen())).toEqual([]);
  }, 120_000);
});

describe('the judge', () => {
  const log = new PublishedLog(5);
  const offset = (n: number) => `1795342704012-${String(n).padStart(16, '0')}`;
  for (let n = 0; n < 20; n++) log.add(offset(n), n);
  const message = (n: number) => ({ type: 'message', offset: offset(n), data: n });
  const begin = (n: number) => {
    const judge = new Judge(log);
    judge.subscribed({ type: 'subscribed', offset: offset(n), recovered: true }, offset(n));
    return judge;
  };

  it('accepts neighbours and a gap over what was trimmed', () => {
    const judge = begin(2);
    judge.gap({ type: 'gap', after: offset(2), offset: offset(14) });
    for (let n = 15; n < 20; n++) judge.message(message(n));
    expect(judge).toMatchObject({ messages: 5, gaps: 1, position: offset(19) });
  });

  it.each([
    ['a lost message', (judge: Judge) => judge.message(message(17))],
    ['a repeated message', (judge: Judge) => judge.message(message(15))],
    ['a changed message', (judge: Judge) => judge.message({ ...message(16), data: 'x' })],
    ['an invented message', (judge: Judge) => judge.message(message(99))],
    ['a gap that covers history', (judge: Judge) => judge.gap({ type: 'gap', after: offset(15), offset: offset(17) })],
    ['a gap from elsewhere', (judge: Judge) => judge.gap({ type: 'gap', after: offset(9), offset: offset(14) })],
    [
      'a resume from elsewhere',
      (judge: Judge) => judge.subscribed({ type: 's', offset: offset(16), recovered: true }, offset(15)),
    ],
  ])('catches %s', (_what, act) => {
    expect(() => act(begin(15))).toThrow();
  });
});
