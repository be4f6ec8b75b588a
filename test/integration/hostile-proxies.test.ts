// The SDK on networks with bad manners, against a real node: it finds what works, remembers it, and loses and repeats nothing.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client, ClientOptions, StorageLike, Subscription, Transport } from '../../client-sdk/types.js';
import type { Manners } from '../support/hostile-proxy.js';
import { HostileWorld } from '../support/hostile-world.js';
import { nginxSkipReason, startNginx } from '../support/nginx.js';

class Stored implements StorageLike {
  readonly entries = new Map<string, string>();
  getItem = (key: string) => this.entries.get(key) ?? null;
  setItem = (key: string, value: string) => void this.entries.set(key, value);
}

/** One visit of a browser: a client, and what it is told. */
class Visit {
  readonly client: Client;
  readonly subscription: Subscription<number>;
  readonly data: number[] = [];
  readonly gaps: unknown[] = [];
  readonly states: string[] = [];
  /** When the first message came, in milliseconds. */
  firstMs = Number.NaN;
  readonly #sinceMs = performance.now();
  #wake = () => {};

  constructor(options: ClientOptions) {
    this.client = createClient(options);
    this.client.on('state', ({ type }) => this.states.push(type));
    this.subscription = this.client.subscribe<number>('news', { after: '-1' }, ({ data }) => {
      if (this.data.length === 0) this.firstMs = Math.round(performance.now() - this.#sinceMs);
      this.data.push(data);
      this.#wake();
    });
    this.subscription.on('gap', (gap) => this.gaps.push(gap));
    this.client.on('state', () => this.#wake());
  }

  get transport(): Transport | undefined {
    const { state } = this.client;
    return state.type === 'connected' ? state.transport : undefined;
  }

  /** Resolves once that holds; it may after each message and each change of state. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (holds()) resolve();
      };
      this.#wake();
    });
  }

  has(count: number): Promise<void> {
    return this.until(() => this.data.length >= count);
  }
}

const visits: Visit[] = [];
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

let world: HostileWorld;
afterEach(async () => {
  for (const { client } of visits.splice(0)) client.close();
  await world.close();
});

function visit(options: Partial<ClientOptions> = {}): Visit {
  const made = new Visit({ url: world.url, ...options });
  visits.push(made);
  return made;
}

/** All that was said came once and in order. */
async function expectAll(visited: Visit, ...more: Visit[]) {
  await world.hush();
  for (const one of [visited, ...more]) {
    await one.has(world.said);
    expect(one.data).toEqual(numbers(world.said));
    expect(one.gaps).toEqual([]);
  }
}

const UPGRADES: readonly (readonly [string, Manners, Transport])[] = [
  ['answers upgrades with a page', { upgrades: 'refuse' }, 'sse'],
  ['resets upgrades', { upgrades: 'reset' }, 'sse'],
  ['swallows frames', { upgrades: 'swallow' }, 'sse'],
  ['opens the WebSocket itself and is silent', { upgrades: 'silence' }, 'sse'],
  ['resets upgrades and holds streams back', { upgrades: 'reset', buffersStreams: true }, 'long-poll'],
  ['swallows frames and holds streams back', { upgrades: 'swallow', buffersStreams: true }, 'long-poll'],
];

describe.each(['uws', 'ws'] as const)('before a node on %s, behind a proxy that', (engine) => {
  it.each(UPGRADES)('%s, a client has what works, and a later one begins with it', async (what, manners, transport) => {
    world = await HostileWorld.start({ manners, engine });
    world.talk('news');
    const storage = new Stored();
    const first = visit({ storage });
    await first.has(40);
    expect(first.transport).toBe(transport);
    const { upgrades } = world.proxy;
    const next = visit({ storage });
    await next.has(40);
    expect(next.transport).toBe(transport);
    expect(world.proxy.upgrades).toBe(upgrades);
    console.info(`${engine}: ${what}: first message after ${first.firstMs} ms, at the next visit ${next.firstMs} ms`);
    await expectAll(first, next);
  });
});

describe('behind a proxy that', () => {
  it('hands on one byte at a time, all comes over each transport', async () => {
    world = await HostileWorld.start({ manners: { segmentBytes: 1 } });
    world.talk('news');
    const all = (['websocket', 'sse', 'long-poll', 'short-poll'] as const).map((transport) =>
      visit({ transports: [transport], pollIntervalMs: 100 }),
    );
    await Promise.all(all.map((one) => one.has(30)));
    await expectAll(...(all as [Visit, ...Visit[]]));
  });

  it.each(['websocket', 'sse', 'long-poll'] as const)(
    'cuts every link after a second and a half, a client goes on from %s to what comes after it',
    async (transport) => {
      world = await HostileWorld.start({ manners: { cutsAfterMs: 1_500 } });
      world.talk('news');
      const options = { storage: new Stored(), pollIntervalMs: 100, transports: [transport, 'short-poll' as const] };
      const visited = visit(options);
      await visited.until(() => visited.transport === transport);
      await visited.until(() => visited.transport === 'short-poll');
      expect(visited.states.filter((state) => state === 'connected')).toHaveLength(4);
      const next = visit(options);
      await next.has(world.said + 20);
      expect(next.transport).toBe('short-poll');
      await expectAll(visited, next);
    },
  );

  it.each(['websocket', 'sse', 'long-poll'] as const)('cuts idle links, %s stays', async (transport) => {
    // Thirty seconds against heartbeats of seven, and waits of twenty-five.
    world = await HostileWorld.start({ manners: { cutsIdleAfterMs: 1_500 }, heartbeatMs: 500 });
    const visited = visit({ transports: [transport], pollWaitMs: 1_200 });
    await world.node.broker.publish({ channel: 'news', data: '1' });
    await visited.has(1);
    const { pieces } = world.proxy;
    await expect.poll(() => pieces + 12 < world.proxy.pieces || world.proxy.count('/v1/poll') > 6).toBe(true);
    await world.node.broker.publish({ channel: 'news', data: '2' });
    await visited.has(2);
    expect(visited.states).toEqual(['connecting', 'connected']);
  });

  const BACKLOG = 1024 * 1024;
  const PIECE = 16 * 1024;
  const COUNT = BACKLOG / PIECE;

  describe('has little patience or little to give, with a backlog of 1 MiB,', () => {
    beforeEach(async () => {
      world = await HostileWorld.start();
      for (const n of numbers(COUNT)) {
        await world.node.broker.publish({ channel: 'news', data: `[${n},"${'x'.repeat(PIECE - 10)}"]` });
      }
    });

    const expectBacklog = async (visited: Visit) => {
      await visited.has(COUNT);
      expect(visited.data.map((item) => (item as unknown as [number])[0])).toEqual(numbers(COUNT));
      expect(visited.gaps).toEqual([]);
    };

    it.each(['websocket', 'sse', 'long-poll'] as const)('hands on 64 KiB/s, all comes over %s', async (transport) => {
      world.proxy.manners = { bytesPerSecond: 64 * 1024 };
      const visited = visit({ transports: [transport] });
      await expectBacklog(visited);
      expect(visited.states).toEqual(['connecting', 'connected']);
      console.info(`64 KiB/s over ${transport}: first message after ${visited.firstMs} ms`);
    });

    it.each(['long-poll', 'short-poll'] as const)(
      'breaks answers off after 200 KB, all comes by %s',
      async (transport) => {
        world.proxy.manners = { cutsAnswersAfterBytes: 200_000 };
        const visited = visit({ transports: [transport], pollIntervalMs: 100 });
        await expectBacklog(visited);
        expect(visited.states).toEqual(['connecting', 'connected']);
      },
    );

    it('breaks answers off after 200 KB and refuses upgrades, all comes by what is left', async () => {
      world.proxy.manners = { cutsAnswersAfterBytes: 200_000, upgrades: 'reset' };
      await expectBacklog(visit({ pollIntervalMs: 100 }));
    });

    it('breaks answers off after 200 KB, a second reader has its history', async () => {
      world.proxy.manners = { cutsAnswersAfterBytes: 200_000 };
      const visited = visit({ transports: ['websocket'] });
      await expectBacklog(visited);
      const late: unknown[] = [];
      await new Promise<void>((resolve) => {
        visited.client.subscribe<[number]>('news', { after: '-1' }, ({ data }) => {
          if (late.push(data[0]) === COUNT) resolve();
        });
      });
      expect(late).toEqual(numbers(COUNT));
    });
  });

  it.each([
    ['is a captive portal', { isPortal: true }],
    ['asks in HTTP/1.0, as nginx does unless it is told otherwise', { speaksHttp10: true }],
  ])('%s, nobody gives up, and all is there once it is gone', async (_what, manners) => {
    world = await HostileWorld.start({ manners, engine: 'uws' });
    world.talk('news');
    const visited = visit();
    let waits = 0;
    await visited.until(() => {
      waits = visited.states.filter((state) => state === 'waiting').length;
      return waits >= 3;
    });
    expect(visited.states).not.toContain('closed');
    expect(visited.states).not.toContain('connected');
    world.proxy.manners = {};
    await visited.until(() => visited.transport === 'websocket');
    await expectAll(visited);
  });

  const nginxTitle = nginxSkipReason === undefined ? '' : ` (skipped: ${nginxSkipReason})`;
  it.skipIf(nginxSkipReason !== undefined)(`is nginx as it is shipped, nobody gives up${nginxTitle}`, async () => {
    world = await HostileWorld.start({ engine: 'uws' });
    world.talk('news');
    const passing = world.url;
    const nginx = await startNginx(world.node.url, passing);
    try {
      world.url = nginx.url;
      const visited = visit();
      const waits = () => visited.states.filter((state) => state === 'waiting').length;
      await visited.until(() => waits() >= 3);
      expect(visited.states).not.toContain('closed');
      expect(visited.states).not.toContain('connected');
      world.url = passing;
      await visited.until(() => visited.transport === 'websocket');
      await expectAll(visited);
    } finally {
      await nginx.close();
    }
  });

  it('lets WebSockets pass again, a client moves back to them without a word', async () => {
    world = await HostileWorld.start({ manners: { upgrades: 'reset' } });
    world.talk('news');
    const storage = new Stored();
    const visited = visit({ storage, clock: fast });
    await visited.until(() => visited.transport === 'sse');
    world.proxy.manners = {};
    await visited.until(() => visited.transport === 'websocket');
    expect(visited.states.filter((state) => state !== 'connected')).toEqual(['connecting']);
    expect(storage.getItem(`fanfare:${world.url}`)).toBe('');
    await expectAll(visited);
  });
});

/** A minute is fifteen seconds: what the SDK measures and waits for goes four times as fast. */
const fast: NonNullable<ClientOptions['clock']> = {
  now: Date.now,
  monotonic: () => performance.now() * 4,
  setTimeout: (callback, ms) => setTimeout(callback, ms / 4),
  clearTimeout: (timer: never) => clearTimeout(timer),
};
