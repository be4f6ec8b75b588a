// What a node says on a WebSocket, and a client that is subscribed by it.

import type { FakeSocket } from './fake-network.js';
import { type Listening, offset, type World } from './world.js';

export const message = (n: number, channel = 'news') => ({ type: 'message', channel, offset: offset(n), data: n });

/** Subscribes to `news`, which the node answers with offset 1. */
export async function subscribeToNews(world: World): Promise<{ news: Listening; socket: FakeSocket }> {
  const news = world.subscribe('news');
  const socket = await world.network.sockets.next();
  await socket.accept();
  await resume(socket, 1);
  return { news, socket };
}

/** Answers the next `subscribe`, of `news`; returns it. */
export async function resume(socket: FakeSocket, at: number, more: { readonly recovered?: boolean } = {}) {
  const command = await socket.next('subscribe');
  const { id } = command;
  socket.send({ type: 'subscribed', id, channel: 'news', offset: offset(at), recovered: true, ...more });
  return command;
}
