// What a WebSocket of uWebSockets.js does while it is told that its buffer has drained: send nothing.

import type { WebSocket } from 'uWebSockets.js';
import { expect, it } from 'vitest';
import { Handshakes, NO_BOUND } from '../../../src/http/handshakes.js';
import type { EngineHandlers, EngineOptions, SocketHandler } from '../../../src/node/engines/engine.js';
import { type Link, UwsSocket, UwsSockets } from '../../../src/node/engines/uws/socket.js';
import { SocketCount } from '../../../src/node/engines/uws/socket-count.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('leaves what waits for the end of the turn there, and tells that it has drained', async () => {
  const happened: string[] = [];
  const handler = { open: () => undefined, drain: () => happened.push('drained') } as unknown as SocketHandler;
  const handlers = {} as EngineHandlers;
  const sockets = new UwsSockets(handlers, {} as EngineOptions, new SocketCount(10), new Handshakes(NO_BOUND));
  const socket = new UwsSocket(handler, sockets, '127.0.0.1', { left: () => undefined });
  const native = {
    send: (frame: Buffer) => void happened.push(`sent ${frame}`),
    getBufferedAmount: () => 0,
  };
  socket.opened(native as unknown as WebSocket<Link>);
  socket.deliver('subscribed');
  socket.drained();
  expect(happened).toEqual([]);
  await turn();
  expect(happened.sort()).toEqual(['drained', 'sent subscribed']);
});
