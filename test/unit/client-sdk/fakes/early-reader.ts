// A client that reads `news` already when others begin to.

import type { FakeSocket } from './fake-network.js';
import { message, resume } from './socket-server.js';
import { type Listening, offset, World } from './world.js';

export interface EarlyReader {
  readonly world: World;
  readonly socket: FakeSocket;
  readonly first: Listening;
}

/** It began at offset 5, and has been told message 6. */
export async function readingFrom5(): Promise<EarlyReader> {
  const world = new World();
  const first = world.subscribe('news');
  const socket = await world.network.sockets.next();
  await socket.accept();
  await resume(socket, 5);
  socket.send(message(6));
  return { world, socket, first };
}

/** The answer to a poll of `news` that ends at an offset. */
export const held = (at: number, numbers: readonly number[], more: object = {}) => ({
  channels: { news: { offset: offset(at), messages: numbers.map((n) => ({ offset: offset(n), data: n })), ...more } },
});
