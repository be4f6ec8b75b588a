// The SDK on networks with bad manners, against a real node: it finds what works, remembers it, and loses and repeats nothing.

import { describe, it, type TestContext } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client, ClientOptions, StorageLike, Subscription, Transport } from '../../client-sdk/types.js';
import type { Manners } from '../support/hostile-proxy.js';
import { type HostileSetup, HostileWorld } from '../support/hostile-world.js';
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

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

/** A world of a test's own, since they run side by side, and whoever comes to it. */
class Scene {
  readonly world: HostileWorld;
  readonly #expect: TestContext['expect'];
  readonly #visits: Visit[] = [];

  private constructor(world: HostileWorld, expect: TestContext['expect']) {
    this.world = world;
    this.#expect = expect;
  }

  static async open({ expect, onTestFinished }: TestContext, setup: HostileSetup): Promise<Scene> {
    const scene = new Scene(await HostileWorld.start(setup), expect);
    onTestFinished(async () => {
      for (const { client } of scene.#visits) client.close();
      await scene.world.close();
    });
    return scene;
  }

  visit(options: Partial<ClientOptions> = {}): Visit {
    const visit = new Visit({ url: this.world.url, ...options });
    this.#visits.push(visit);
    return visit;
  }

  /** All that was said came once and in order, to everybody. */
  async expectAll(): Promise<void> {
    await this.world.hush();
    for (const visit of this.#visits) {
      await visit.has(this.world.said);
      this.#expect(visit.data).toEqual(numbers(this.world.said));
      this.#expect(visit.gaps).toEqual([]);
    }
  }

  /** Nobody gives up or gets through while something stands in between; all is there once `clear` has taken it away. */
  async expectPatience(visit: Visit, clear: () => void): Promise<void> {
    await visit.until(() => visit.states.filter((state) => state === 'waiting').length >= 3);
    this.#expect(visit.states).not.toContain('closed');
    this.#expect(visit.states).not.toContain('connected');
    clear();
    await visit.until(() => visit.transport === 'websocket');
    await this.expectAll();
  }
}

const UPGRADES: readonly (readonly [string, Manners, Transport])[] = [
  ['answers upgrades with a page', { upgrades: 'refuse' }, 'sse'],
  ['resets upgrades', { upgrades: 'reset' }, 'sse'],
  ['swallows frames', { upgrades: 'swallow' }, 'sse'],
  ['opens the WebSocket itself and is silent', { upgrades: 'silence' }, 'sse'],
  ['resets upgrades and holds streams back', { upgrades: 'reset', buffersStreams: true }, 'long-poll'],
  ['resets upgrades and trickles streams', { upgrades: 'reset', tricklesStreamsEachMs: 500 }, 'long-poll'],
  ['swallows frames and holds streams back', { upgrades: 'swallow', buffersStreams: true }, 'long-poll'],
];

describe.concurrent.each(['uws', 'ws'] as const)('before a node on %s, behind a proxy that', (engine) => {
  it.concurrent.for(UPGRADES)('%s, a client has what works, and a later one begins with it', async (row, context) => {
    const [what, manners, transport] = row;
    const { expect } = context;
    const scene = await Scene.open(context, { manners, engine });
    scene.world.talk('news');
    const storage = new Stored();
    const first = scene.visit({ storage });
    await first.has(40);
    expect(first.transport).toBe(transport);
    const { upgrades } = scene.world.proxy;
    const next = scene.visit({ storage });
    await next.has(40);
    expect(next.transport).toBe(transport);
    expect(scene.world.proxy.upgrades).toBe(upgrades);
    console.info(`${engine}: ${what}: first message after ${first.firstMs} ms, at the next visit ${next.firstMs} ms`);
    await scene.expectAll();
  });
});

describe.concurrent('behind a proxy that', () => {
  it.concurrent('hands on one byte at a time, all comes over each transport', async (context) => {
    const scene = await Scene.open(context, { manners: { segmentBytes: 1 } });
    scene.world.talk('news');
    const all = (['websocket', 'sse', 'long-poll', 'short-poll'] as const).map((transport) =>
      scene.visit({ transports: [transport], pollIntervalMs: 100 }),
    );
    await Promise.all(all.map((one) => one.has(30)));
    await scene.expectAll();
  });

  it.concurrent.for(['websocket', 'sse', 'long-poll'] as const)(
    'cuts every link after a second and a half, a client goes on from %s to what comes after it',
    async (transport, context) => {
      const { expect } = context;
      const scene = await Scene.open(context, { manners: { cutsAfterMs: 1_500 } });
      scene.world.talk('news');
      const options = { storage: new Stored(), pollIntervalMs: 100, transports: [transport, 'short-poll' as const] };
      const visited = scene.visit(options);
      await visited.until(() => visited.transport === transport);
      await visited.until(() => visited.transport === 'short-poll');
      expect(visited.states.filter((state) => state === 'connected')).toHaveLength(4);
      const next = scene.visit(options);
      await next.has(scene.world.said + 20);
      expect(next.transport).toBe('short-poll');
      await scene.expectAll();
    },
  );

  it.concurrent.for(['websocket', 'sse', 'long-poll'] as const)(
    'cuts idle links, %s stays',
    async (transport, context) => {
      const { expect } = context;
      // Thirty seconds against heartbeats of seven, and waits of twenty-five.
      const scene = await Scene.open(context, { manners: { cutsIdleAfterMs: 1_500 }, heartbeatMs: 500 });
      const { world } = scene;
      const visited = scene.visit({ transports: [transport], pollWaitMs: 1_200 });
      await world.node.broker.publish({ channel: 'news', data: '1' });
      await visited.has(1);
      const { pieces } = world.proxy;
      await expect.poll(() => pieces + 12 < world.proxy.pieces || world.proxy.count('/v1/poll') > 6).toBe(true);
      await world.node.broker.publish({ channel: 'news', data: '2' });
      await visited.has(2);
      expect(visited.states).toEqual(['connecting', 'connected']);
    },
  );

  it.concurrent('is a captive portal, nobody gives up, and all is there once it is gone', async (context) => {
    const scene = await Scene.open(context, { manners: { isPortal: true }, engine: 'uws' });
    scene.world.talk('news');
    await scene.expectPatience(scene.visit(), () => {
      scene.world.proxy.manners = {};
    });
  });

  it.concurrent('asks in HTTP/1.0, nobody gives up, and all is there once it is gone', async (context) => {
    const scene = await Scene.open(context, { manners: { speaksHttp10: true }, engine: 'uws' });
    scene.world.talk('news');
    await scene.expectPatience(scene.visit(), () => {
      scene.world.proxy.manners = {};
    });
  });

  const nginxTitle = nginxSkipReason === undefined ? '' : ` (skipped: ${nginxSkipReason})`;
  it.skipIf(nginxSkipReason !== undefined)(
    `is nginx as it is shipped, nobody gives up${nginxTitle}`,
    async (context) => {
      const scene = await Scene.open(context, { engine: 'uws' });
      const { world } = scene;
      world.talk('news');
      const passing = world.url;
      const nginx = await startNginx(world.node.url, passing);
      context.onTestFinished(() => nginx.close());
      world.url = nginx.url;
      await scene.expectPatience(scene.visit(), () => {
        world.url = passing;
      });
    },
  );

  it.concurrent('lets WebSockets pass again, a client moves back to them without a word', async (context) => {
    const { expect } = context;
    const scene = await Scene.open(context, { manners: { upgrades: 'reset' } });
    const { world } = scene;
    world.talk('news');
    const storage = new Stored();
    const visited = scene.visit({ storage, clock: fast });
    await visited.until(() => visited.transport === 'sse');
    world.proxy.manners = {};
    await visited.until(() => visited.transport === 'websocket');
    expect(visited.states.filter((state) => state !== 'connected')).toEqual(['connecting']);
    expect(storage.getItem(`fanfare:${world.url}`)).toBe('');
    await scene.expectAll();
  });
});

describe.concurrent('with a backlog of 1 MiB, behind a proxy that', () => {
  const PIECE_BYTES = 16 * 1024;
  const COUNT = 64;
  const numberOf = (data: unknown) => (data as [number])[0];

  async function open(context: TestContext, manners: Manners): Promise<Scene> {
    const scene = await Scene.open(context, { manners });
    for (const n of numbers(COUNT)) {
      const data = `[${n},"${'x'.repeat(PIECE_BYTES - 10)}"]`;
      await scene.world.node.broker.publish({ channel: 'news', data });
    }
    return scene;
  }

  const expectBacklog = async ({ expect }: TestContext, visited: Visit) => {
    await visited.has(COUNT);
    expect(visited.data.map(numberOf)).toEqual(numbers(COUNT));
    expect(visited.gaps).toEqual([]);
  };

  it.concurrent.for(['websocket', 'sse', 'long-poll'] as const)(
    'hands on 64 KiB/s, the first comes within 5 s and all comes over %s',
    async (transport, context) => {
      const visited = (await open(context, { bytesPerSecond: 64 * 1024 })).visit({ transports: [transport] });
      await expectBacklog(context, visited);
      context.expect(visited.states).toEqual(['connecting', 'connected']);
      context.expect(visited.firstMs).toBeLessThan(5_000);
    },
  );

  it.concurrent.for(['long-poll', 'short-poll'] as const)(
    'breaks answers off after 200 KB, all comes by %s',
    async (transport, context) => {
      const scene = await open(context, { cutsAnswersAfterBytes: 200_000 });
      const visited = scene.visit({ transports: [transport], pollIntervalMs: 100 });
      await expectBacklog(context, visited);
      context.expect(visited.states).toEqual(['connecting', 'connected']);
    },
  );

  it.concurrent('breaks answers off after 200 KB and refuses upgrades, all comes by what is left', async (context) => {
    const scene = await open(context, { cutsAnswersAfterBytes: 200_000, upgrades: 'reset' });
    await expectBacklog(context, scene.visit({ pollIntervalMs: 100 }));
  });

  it.concurrent('breaks answers off after 200 KB, a second reader has its history', async (context) => {
    const scene = await open(context, { cutsAnswersAfterBytes: 200_000 });
    const visited = scene.visit({ transports: ['websocket'] });
    await expectBacklog(context, visited);
    const late: number[] = [];
    await new Promise<void>((resolve) => {
      visited.client.subscribe('news', { after: '-1' }, ({ data }) => {
        if (late.push(numberOf(data)) === COUNT) resolve();
      });
    });
    context.expect(late).toEqual(numbers(COUNT));
  });
});

/** A minute is fifteen seconds: what the SDK measures and waits for goes four times as fast. */
const fast: NonNullable<ClientOptions['clock']> = {
  now: Date.now,
  monotonic: () => performance.now() * 4,
  setTimeout: (callback, ms) => setTimeout(callback, ms / 4),
  clearTimeout: (timer: never) => clearTimeout(timer),
};
