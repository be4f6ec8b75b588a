// The SDK against real nodes on a real Redis, over each transport: nothing lost, nothing twice, whatever is cut.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import type { Client, ClientOptions, ClientState, Subscription, Transport } from '../../client-sdk/types.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { Cluster } from './sdk-cluster.js';

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
const MESSAGES = 200;

let cluster: Cluster;
let serial = 0;
const clients: Client[] = [];

beforeAll(async () => {
  cluster = await Cluster.start(2);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  cluster.grants = { subscribe: ['*'], publish: ['*'] };
  cluster.ticketLifeMs = 600_000;
});
afterAll(() => cluster?.close());

const freshChannel = (namespace = 'room') => `${namespace}:${++serial}`;

function connect(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url: cluster.url, pollIntervalMs: 20, ...options });
  clients.push(client);
  return client;
}

/** Resolves with the first state for which `is` holds, the present one included. */
function stateOf<State extends { readonly type: string }>(
  source: { readonly state: State; on(type: 'state', listener: (state: State) => void): () => void },
  is: (state: State) => boolean,
): Promise<State> {
  if (is(source.state)) return Promise.resolve(source.state);
  return new Promise((resolve) => {
    const undo = source.on('state', (state) => {
      if (!is(state)) return;
      undo();
      resolve(state);
    });
  });
}
const isSubscribed = (state: { readonly type: string }) => state.type === 'subscribed';
const connected = (client: Client) =>
  stateOf(client, ({ type }) => type === 'connected') as Promise<ClientState & { type: 'connected' }>;

/** Collects data until there are `count`, and then everything that still comes while `after` runs. */
function collect(subscription: Subscription, count: number, each: (n: number) => void = () => {}) {
  const data: unknown[] = [];
  const gaps: unknown[] = [];
  subscription.on('gap', (gap) => gaps.push(gap));
  const done = new Promise<void>((resolve) => {
    subscription.on('message', (message) => {
      data.push(message.data);
      each(data.length);
      if (data.length >= count) resolve();
    });
  });
  return { data, gaps, done };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

for (const transport of TRANSPORTS) {
  const only = { transports: [transport] };

  describe(`the SDK over ${transport}`, () => {
    it('delivers what is published, in order, and says where it is connected', async () => {
      const client = connect(only);
      const channel = freshChannel();
      const subscription = client.subscribe(channel);
      const collected = collect(subscription, MESSAGES);
      await stateOf(subscription, isSubscribed);
      expect(await connected(client)).toMatchObject({ transport, node: expect.stringMatching(/^n[12]$/) });
      for (const n of numbers(MESSAGES)) await cluster.publish(channel, n);
      await collected.done;
      expect(collected.data).toEqual(numbers(MESSAGES));
      expect(collected.gaps).toEqual([]);
    });

    it('gives what history holds, and goes on live', async () => {
      const channel = freshChannel();
      for (const n of numbers(20)) await cluster.publish(channel, n);
      const collected = collect(connect(only).subscribe(channel, { after: '-1' }), 30, (count) => {
        if (count === 20) for (const n of numbers(10)) void cluster.publish(channel, 20 + n);
      });
      await collected.done;
      expect(collected.data).toHaveLength(30);
      expect(collected.data.slice(0, 20)).toEqual(numbers(20));
    });

    it('delivers everything once and in order while its links are cut again and again', async () => {
      const client = connect(only);
      const channel = freshChannel();
      const subscription = client.subscribe(channel);
      let cuts = 0;
      const collected = collect(subscription, MESSAGES, (count) => {
        if (count % 40 !== 0 || count === MESSAGES) return;
        cuts++;
        for (const { link } of cluster.members) link.cut();
      });
      await stateOf(subscription, isSubscribed);
      for (const n of numbers(MESSAGES)) await cluster.publish(channel, n);
      await collected.done;
      expect(cuts).toBeGreaterThanOrEqual(3);
      expect(collected.data).toEqual(numbers(MESSAGES));
      expect(collected.gaps).toEqual([]);
    });

    it('stores each publish once and in order while its links are cut', async () => {
      const client = connect(only);
      const channel = freshChannel();
      let answered = 0;
      const published = numbers(60).map(async (n) => {
        const { offset } = await client.publish(channel, n);
        if (++answered % 20 === 0) for (const { link } of cluster.members) link.cut();
        return offset;
      });
      const offsets = await Promise.all(published);
      expect(await cluster.log(channel)).toEqual(numbers(60));
      expect(new Set(offsets).size).toBe(60);
      expect(offsets).toEqual([...offsets].sort());
    });

    it('changes its channels while messages flow without losing or repeating one', async () => {
      const client = connect(only);
      const channel = freshChannel();
      const subscription = client.subscribe(channel);
      const others: Subscription[] = [];
      const collected = collect(subscription, MESSAGES, (count) => {
        if (count % 10 === 0) others.push(client.subscribe(freshChannel('other')));
        if (count % 25 === 0) others.shift()?.unsubscribe();
      });
      await stateOf(subscription, isSubscribed);
      for (const n of numbers(MESSAGES)) await cluster.publish(channel, n);
      await collected.done;
      await Promise.all(others.map((other) => stateOf(other, isSubscribed)));
      expect(collected.data).toEqual(numbers(MESSAGES));
      expect(collected.gaps).toEqual([]);
    });

    it('tells a gap before anything newer when history has moved on without it', async () => {
      const channel = freshChannel('short');
      const first = connect(only);
      const before = first.subscribe(channel);
      await stateOf(before, isSubscribed);
      const after = before.offset;
      first.close();
      for (const n of numbers(9)) await cluster.publish(channel, n);
      const subscription = connect(only).subscribe(channel, { after });
      const collected = collect(subscription, 5);
      await collected.done;
      expect(collected.data).toEqual([4, 5, 6, 7, 8]);
      expect(collected.gaps).toMatchObject([{ channel, after, reason: 'trimmed' }]);
    });

    it('ends a channel that it may not read, and keeps the others', async () => {
      cluster.grants = { subscribe: ['room:*'], publish: [] };
      const client = connect(only);
      const secret = client.subscribe('secret:1');
      const open = client.subscribe(freshChannel());
      await stateOf(open, isSubscribed);
      expect(await stateOf(secret, ({ type }) => type === 'closed')).toEqual({
        type: 'closed',
        code: 'forbidden_channel',
      });
      await expect(client.publish('room:1', 1)).rejects.toMatchObject({ code: 'forbidden' });
      expect(client.state.type).toBe('connected');
    });

    it('outlives its tickets without losing its place', async () => {
      cluster.ticketLifeMs = 3_000; // a fifth of which a timer may be late
      const client = connect(only);
      const states: string[] = [];
      client.on('state', ({ type }) => states.push(type));
      const channel = freshChannel();
      const subscription = client.subscribe(channel);
      const collected = collect(subscription, 2);
      await stateOf(subscription, isSubscribed);
      // The first ticket has ended before the second is renewed.
      for (const n of numbers(2)) {
        await cluster.renewal();
        await cluster.publish(channel, n);
      }
      await collected.done;
      expect(collected.data).toEqual(numbers(2));
      expect(states).toEqual(['connecting', 'connected']);
    });
  });
}

describe('the SDK with `fanfare start` and its discovery', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startFanfare(['start', '--port', '0']);
  });
  afterAll(() => server?.stop());

  for (const transport of TRANSPORTS) {
    it(`needs no token where that is allowed, over ${transport}`, async () => {
      const client = connect({ url: server.url, transports: [transport] });
      const channel = freshChannel('demo');
      const subscription = client.subscribe(channel);
      const collected = collect(subscription, 3);
      await stateOf(subscription, isSubscribed);
      for (const n of numbers(3)) await client.publish(channel, n);
      await collected.done;
      expect(collected.data).toEqual(numbers(3));
    });
  }

  it('is told when a token is not good, and gives up', async () => {
    const client = connect({ url: server.url, token: 'no.good.token' });
    const subscription = client.subscribe(freshChannel('demo'));
    const closed = await stateOf(client, ({ type }) => type === 'closed');
    expect(closed).toMatchObject({ type: 'closed', code: 4501, reason: expect.stringMatching(/^token_/) });
    expect(subscription.state).toMatchObject({ type: 'closed', code: expect.stringMatching(/^token_/) });
  });
});

describe('the SDK when its network does not let WebSockets through', () => {
  it('falls back, and delivers all the same', async () => {
    class Blocked {
      onopen = null;
      onmessage = null;
      onclose: ((event: never) => void) | null = null;
      onerror = null;
      constructor() {
        queueMicrotask(() => this.onclose?.({ code: 1006, reason: '' } as never));
      }
      send() {}
      close() {}
    }
    const client = connect({ WebSocket: Blocked });
    const channel = freshChannel();
    const subscription = client.subscribe(channel);
    const collected = collect(subscription, 10);
    await stateOf(subscription, isSubscribed);
    expect(await connected(client)).toMatchObject({ transport: 'sse' });
    for (const n of numbers(10)) await cluster.publish(channel, n);
    await collected.done;
    expect(collected.data).toEqual(numbers(10));
  });
});

describe('the SDK when a node goes', () => {
  let own: Cluster;
  afterEach(() => own?.close());

  for (const transport of TRANSPORTS) {
    it(`is on another node with every message once, over ${transport}`, async () => {
      own = await Cluster.start(3);
      const [publisher, ...others] = own.members;
      const client = createClient({ url: own.url, transports: [transport], pollIntervalMs: 20 });
      clients.push(client);
      const channel = freshChannel();
      const subscription = client.subscribe(channel);
      const nodes = new Set<string>();
      client.on('state', (state) => state.type === 'connected' && nodes.add(state.node));
      let gone: Promise<void> | undefined;
      const collected = collect(subscription, MESSAGES, (count) => {
        if (count !== 50) return;
        const { state } = client;
        const id = state.type === 'connected' && state.node !== publisher?.id ? state.node : (others[0]?.id ?? '');
        gone = own.kill(id);
      });
      await stateOf(subscription, isSubscribed);
      for (const n of numbers(MESSAGES)) await own.publish(channel, n);
      await collected.done;
      await gone;
      expect(collected.data).toEqual(numbers(MESSAGES));
      expect(collected.gaps).toEqual([]);
    });

    it(`moves off a node that is drained without a break, over ${transport}`, async () => {
      own = await Cluster.start(3);
      const client = createClient({ url: own.url, transports: [transport], pollIntervalMs: 20 });
      clients.push(client);
      const channel = freshChannel();
      const subscription = client.subscribe(channel);
      let drained: Promise<void> | undefined;
      const collected = collect(subscription, MESSAGES, (count) => {
        const { state } = client;
        if (count !== 50 || state.type !== 'connected' || state.node === 'n1') return;
        drained = own.member(state.node).node.node.drain();
      });
      await stateOf(subscription, isSubscribed);
      for (const n of numbers(MESSAGES)) await own.publish(channel, n);
      await collected.done;
      await drained;
      expect(collected.data).toEqual(numbers(MESSAGES));
      expect(collected.gaps).toEqual([]);
    });
  }
});
