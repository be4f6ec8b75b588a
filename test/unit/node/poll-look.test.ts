// What a read of logs finds while a history is deleted: nothing of it is handed out by a look that ends later.

import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../../src/broker/memory/broker.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { type LogLook, lookInLogs } from '../../../src/node/transports/poll-look.js';
import { START } from '../../../src/protocol/index.js';

const TERMS: LogLook = { maxBytes: 1_000_000, opens: false, isOver: () => false };
/** More than a channel keeps in memory: what came first is read from the log. */
const MESSAGES = 300;

let closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

/** A node's channels, of which one is open, over a broker that hands on no answer of a channel until it is let. */
async function bench() {
  const namespaces = new Namespaces({ default: { historySize: 1_000 } });
  const broker = createMemoryBroker({ namespaces });
  const held = new Map<string, Promise<void>>();
  const arrived: string[] = [];
  const read: typeof broker.read = async (name, after, limit) => {
    const page = await broker.read(name, after, limit);
    arrived.push(name);
    await held.get(name);
    return page;
  };
  const slow = new Proxy(broker, {
    get: (target, name) => {
      if (name === 'read') return read;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const channels = new Channels({
    ...{ broker: slow, namespaces, logger: silentLogger, publish: () => undefined },
    maxChannels: 10,
  });
  broker.start(channels);
  closing.push(
    () => channels.close(),
    () => broker.close(),
  );
  for (let n = 0; n < MESSAGES; n++) await broker.publish({ channel: 'news', data: `"old ${n}"` });
  const channel = channels.acquire('news');
  await expect.poll(() => channel.isOpen).toBe(true);
  await broker.publish({ channel: 'other', data: '1' });
  /** Holds answers of a channel; returns what lets them go. */
  const hold = (name: string) => {
    let letGo = () => {};
    held.set(name, new Promise((resolve) => (letGo = resolve)));
    return () => {
      held.delete(name);
      letGo();
    };
  };
  arrived.length = 0;
  return { broker, channels, channel, arrived, hold };
}

const textsOf = (found: Awaited<ReturnType<typeof lookInLogs>>) =>
  found.flatMap((one) => (one.kind === 'page' ? one.page.entries.map(({ data }) => String(data)) : [one.kind]));

describe('a look into logs', () => {
  it.each(['news', 'other'])(
    'hands out nothing of what was deleted while the answer of %s was on its way',
    async (late) => {
      const { broker, channels, channel, arrived, hold } = await bench();
      const letGo = hold(late);
      const look = lookInLogs(
        [
          ['news', START],
          ['other', START],
        ],
        channels,
        undefined,
        TERMS,
      );
      await expect.poll(() => [...arrived].sort()).toEqual(['news', 'other']);
      const { generation } = channel;
      await broker.eraser.erase('news');
      await expect.poll(() => channel.generation).toBeGreaterThan(generation);
      await broker.publish({ channel: 'news', data: '"new"' });
      letGo();
      expect(textsOf(await look)).toEqual(['"new"', '1']);
    },
  );

  it('is read once where nothing was deleted', async () => {
    const { channels, arrived } = await bench();
    const found = await lookInLogs([['news', START]], channels, undefined, TERMS);
    expect([textsOf(found)[0], arrived]).toEqual(['"old 0"', ['news']]);
  });
});
