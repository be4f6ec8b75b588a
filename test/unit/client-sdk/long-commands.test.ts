// Subscribes and unsubscribes of many channels over a WebSocket: no frame is longer than the node takes, which would end the link for good.

import { afterEach, expect, it } from 'vitest';
import type { FakeSocket } from './fakes/fake-network.js';
import { offset, World } from './fakes/world.js';

let world: World;
afterEach(() => world.end());

const NAMES = Array.from({ length: 120 }, (_, n) => `${'x'.repeat(190)}:${n}`);

/** The channels of all commands that the client has sent, with the bytes of the longest. */
function sent(socket: FakeSocket, type: string) {
  const commands = socket.commands.takeAll().filter((command) => command.type === type);
  const bytes = Math.max(...commands.map((command) => JSON.stringify(command).length));
  const channels = commands.flatMap(({ channels }) =>
    Array.isArray(channels) ? channels : Object.keys(channels ?? {}),
  );
  return { commands, bytes, channels };
}

/** Says what a frame may have. */
function accept(socket: FakeSocket, maxFrameBytes?: number) {
  const limits = { maxFrameBytes, maxMessageBytes: 1_024, channelsPerConnection: 128 };
  const connected = { type: 'connected', id: 1, connection: 'c-s.1', node: 'n1', user: 'u1', heartbeatMs: 25_000 };
  socket.send({ ...connected, ...(maxFrameBytes && { limits }) });
}

async function opened() {
  world = new World({ transports: ['websocket'] });
  const all = NAMES.map((name) => world.subscribe(name));
  const socket = await world.network.sockets.next();
  socket.open();
  return { all, socket };
}

it('are split before `connected` by what any node takes, and what is more than may wait comes after it', async () => {
  const { all, socket } = await opened();
  const early = sent(socket, 'subscribe');
  expect(early.bytes).toBeLessThanOrEqual(1_024);
  expect(early.commands.length).toBeLessThan(32);
  accept(socket, 4_096);
  const late = sent(socket, 'subscribe');
  expect(late.bytes).toBeLessThanOrEqual(4_096);
  expect([...early.channels, ...late.channels]).toEqual(NAMES);
  for (const { id, channels } of [...early.commands, ...late.commands])
    for (const channel of Object.keys(channels as object))
      socket.send({ type: 'subscribed', id, channel, offset: offset(1), recovered: true } as never);
  expect(new Set(all.map(({ subscription }) => subscription.state.type))).toEqual(new Set(['subscribed']));
  for (const { subscription } of all) subscription.unsubscribe();
  await world.clock.advance(0);
  const gone = sent(socket, 'unsubscribe');
  expect(gone.bytes).toBeLessThanOrEqual(4_096);
  expect(gone.channels).toEqual(NAMES);
});

it('go out whole after `connected` where the node names no limit', async () => {
  const { socket } = await opened();
  const early = sent(socket, 'subscribe');
  accept(socket);
  const late = sent(socket, 'subscribe');
  expect(late.commands).toHaveLength(1);
  expect([...early.channels, ...late.channels]).toEqual(NAMES);
});
