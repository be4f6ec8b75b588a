// What no node of ours says, but a backend, or a node of another make, may have it say: a client is none the worse for it.

import { afterEach, describe, expect, it } from 'vitest';
import type { ServerEvent } from '../../../src/protocol/index.js';
import { resume } from './fakes/socket-server.js';
import { leavePage, offset, World } from './fakes/world.js';

let world: World;
afterEach(async () => {
  await world.end();
  leavePage();
});
const settle = () => world.clock.advance(0);
const ready = { type: 'subscribed', channel: 'news', offset: offset(1), recovered: true } as const;
const message = (n: number, more: object = {}) => ({
  type: 'message',
  channel: 'news',
  offset: offset(n),
  data: n,
  ...more,
});

/** Sends events, by either transport, to whoever listens to `news` from 1 on. */
async function told(transport: 'websocket' | 'sse', ...events: object[]) {
  world = new World({ transports: [transport] });
  const listening = world.subscribe('news');
  if (transport === 'sse') {
    const stream = await world.network.request('/v1/stream');
    stream.stream();
    for (const event of events) stream.event(event as ServerEvent);
  } else {
    const socket = await world.network.sockets.next();
    await socket.accept(7_000);
    await resume(socket, 1);
    for (const event of events) socket.send(event as ServerEvent);
  }
  await settle();
  return listening;
}

const begin = (transport: string) => (transport === 'sse' ? [ready] : []);

describe.each(['websocket', 'sse'] as const)('a client by %s', (transport) => {
  it.each([
    { user: 'system' },
    { connection: 5 },
    { connection: null },
    { connection: { split: 1, toString: 1 } },
    { connection: ['c-1.2'] },
    'system',
    [],
    null,
    0,
  ])('goes on behind a message of the sender %j, whose it is not', async (from) => {
    const listening = await told(transport, ...begin(transport), message(2, { from }), message(3));
    expect(listening.data).toEqual([2, 3]);
    expect(listening.messages.map(({ isOwn }) => isOwn)).toEqual([false, false]);
  });
});

describe('a stream', () => {
  it.each(['x', {}, [], -1e9, 0, null, 'NaN'])(
    'whose node says a heartbeat of %j is watched as one that says none',
    async (heartbeatMs) => {
      const listening = await told('sse', { type: 'connected', heartbeatMs }, ready, message(2));
      await world.clock.advance(5_000);
      expect(world.network.waiting('/v1/stream')).toEqual([]);
      expect(listening.data).toEqual([2]);
    },
  );
});
