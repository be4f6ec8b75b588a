// What is left of a client that is closed, whatever it was about to do: no timer, no request, no socket, and no word.

import { describe, expect, it } from 'vitest';
import type { ResponseLike, Transport } from '../../../client-sdk/types.js';
import type { FakeRequest } from './fakes/fake-network.js';
import { news } from './fakes/polling.js';
import { resume } from './fakes/socket-server.js';
import { assignment, emitPageEvent, offset, pageListeners, TRANSPORTS, World } from './fakes/world.js';

const SECRET = { type: 'error', channel: 'secret', code: 'overloaded', message: 'later', retryAfterMs: 5_000 } as const;

/** A client of one transport, and the requests that it has neither been answered nor given up. */
class Watched {
  readonly pending = new Set<AbortSignal | undefined>();
  readonly transport: Transport;
  readonly world: World;

  constructor(transport: Transport) {
    this.transport = transport;
    this.world = new World({
      transports: [transport],
      fetch: async (url, init) => {
        const { signal } = init as { signal: AbortSignal };
        this.pending.add(signal);
        signal.addEventListener('abort', () => this.pending.delete(signal));
        // A stream goes on.
        const isOver = (response?: ResponseLike) => !url.endsWith('/stream') || !response?.ok;
        const end = (response?: ResponseLike) => void (isOver(response) && this.pending.delete(signal));
        const answer = this.world.network.fetch(url, init);
        answer.then(end, () => end());
        return answer;
      },
    });
  }

  /** The next that asks for channels, of whatever kind, answered; returns what refuses `secret` on it. */
  async accept(): Promise<{ refuse(): Promise<void> }> {
    const { network, clock } = this.world;
    if (this.transport === 'websocket') {
      const socket = await network.sockets.next();
      await socket.accept();
      const { id } = await resume(socket, 1);
      return { refuse: async () => socket.send({ ...SECRET, id }) };
    }
    if (this.transport === 'sse') {
      const stream = await this.#next('/v1/stream');
      stream.stream();
      stream.event({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true });
      await clock.advance(0);
      return {
        refuse: async () => {
          stream.event(SECRET);
          await clock.advance(0);
        },
      };
    }
    (await this.#next('/v1/poll')).answer(200, news(1));
    await clock.advance(0);
    return {
      refuse: async () => {
        if (this.transport === 'short-poll') await clock.advance(2_000);
        (await this.#next('/v1/poll')).refuse(429, 'rate_limited', { retryAfterMs: 5_000 });
      },
    };
  }

  /** The next request that was not given up. */
  async #next(path: string): Promise<FakeRequest> {
    for (;;) {
      const request = await this.world.network.request(path);
      if (!request.aborted) return request;
    }
  }
}

const MOMENTS: Readonly<Record<string, (watched: Watched) => Promise<unknown>>> = {
  'asks for a node': async ({ world }) => {
    world.network.discovery = undefined;
    world.subscribe('news');
    await world.network.request('/v1/connect');
  },
  'has the answer about a node': async ({ world }) => {
    world.network.discovery = undefined;
    world.subscribe('news');
    (await world.network.request('/v1/connect')).answer(200, assignment());
  },
  'opens its link': async ({ world }) => {
    world.subscribe('news');
    await world.clock.advance(0);
  },
  'is connected': async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
  },
  'is connected without a channel': async (watched) => {
    const { subscription } = watched.world.subscribe('news');
    await watched.accept();
    subscription.unsubscribe();
    await watched.world.clock.advance(0);
  },
  publishes: async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
    for (const channel of ['a', 'b']) watched.world.client.publish(channel, 1).catch(() => {});
    await watched.world.clock.advance(0);
  },
  'is to publish again': async (watched) => {
    const { world } = watched;
    world.network.discovery = (request) => request.fail();
    world.client.publish('news', 1).catch(() => {});
    await world.clock.advance(0);
  },
  'reads history': async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
    watched.world.client.history('news').catch(() => {});
    await watched.world.clock.advance(0);
  },
  'is to ask again for what a reader has missed': async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
    watched.world.subscribe('news', { after: '-1' });
    await watched.world.clock.advance(0);
    const missed = watched.world.network.waiting('/v1/poll').find(({ body }) => !body.maxBytes);
    missed?.refuse(503, 'broker_unavailable');
    await watched.world.clock.advance(0);
  },
  'is refused a channel for now': async (watched) => {
    watched.world.subscribe('news');
    const { refuse } = await watched.accept();
    await refuse();
    await watched.world.clock.advance(0);
  },
  'waits to connect': async (watched) => {
    watched.world.network.discovery = (request) => request.refuse(503, 'no_capacity', { retryAfterMs: 60_000 });
    watched.world.subscribe('news');
    await watched.world.clock.advance(0);
  },
  'is offline': async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
    emitPageEvent('offline');
  },
  'asks its node for a sign of life': async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
    await watched.world.clock.advance(26_500);
  },
  'changes more channels than it may tell at once': async (watched) => {
    watched.world.subscribe('news');
    await watched.accept();
    for (let n = 0; n < 12; n++) {
      watched.world.subscribe(`c${n}`);
      await watched.world.clock.advance(1);
    }
  },
};

describe.each(TRANSPORTS)('a client over %s', (transport) => {
  it.each(Object.entries(MOMENTS))('that %s when it is closed leaves nothing', async (_what, begin) => {
    const before = pageListeners();
    const watched = new Watched(transport);
    const { world } = watched;
    await begin(watched);
    world.client.close();
    const told = [world.states.length, world.errors.length];
    expect(world.states.at(-1)).toEqual({ type: 'closed', code: 1000, reason: 'closed' });
    await world.clock.advance(0);
    expect([...watched.pending]).toEqual([]);
    expect([world.clock.pending, pageListeners()]).toEqual([0, before]);
    expect(world.network.sockets.waiting.filter(({ isOpen }) => isOpen)).toEqual([]);
    await world.clock.advance(60_000);
    expect([world.states.length, world.errors.length]).toEqual(told);
  });

  it('that is closed and opened again is as it was, once', async () => {
    const watched = new Watched(transport);
    const { world } = watched;
    world.subscribe('news');
    await watched.accept();
    for (let n = 0; n < 2; n++) world.client.close();
    world.client.connect();
    world.client.connect();
    const again = world.subscribe('news');
    await watched.accept();
    expect(again.subscription.state).toMatchObject({ type: 'subscribed', offset: offset(1) });
    expect(world.stateTypes).toEqual(['connecting', 'connected', 'closed', 'connecting', 'connected']);
    const { pending } = world.clock;
    world.client.close();
    await world.clock.advance(0);
    expect([pending > 0, world.clock.pending, [...watched.pending]]).toEqual([true, 0, []]);
  });
});
