// A listening socket with more handles lets in as many connections in one turn of the event loop.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { moreAcceptors } from '../../../src/node/engines/ws/acceptors.js';

const CLIENTS = 24;

/** How many connections a server with so many acceptors was given in its busiest turn, of those that wait for it. */
async function mostInOneTurn(acceptors: number): Promise<number> {
  let inTurn = 0;
  let most = 0;
  let seen = 0;
  let all = (): void => undefined;
  const allSeen = new Promise<void>((resolve) => {
    all = resolve;
  });
  const sockets: Socket[] = [];
  const accepted = (socket: Socket): void => {
    sockets.push(socket);
    if (inTurn === 0) {
      setImmediate(() => {
        inTurn = 0;
      });
    }
    inTurn++;
    most = Math.max(most, inTurn);
    if (++seen === CLIENTS) all();
  };
  const server = createServer(accepted);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const more = await moreAcceptors(server, acceptors - 1, 128, accepted);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    for (const one of [server, ...more]) one.close();
  });
  expect(more).toHaveLength(acceptors - 1);
  // The kernel takes them all before the loop turns.
  for (let n = 0; n < CLIENTS; n++) sockets.push(connect(portOf(server), '127.0.0.1'));
  await allSeen;
  return most;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('Node accepts one connection in a turn for each acceptor', async () => {
  expect(await mostInOneTurn(1)).toBe(1);
  expect(await mostInOneTurn(8)).toBe(8);
});

test('an acceptor that is closed with its server frees the port', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  const more = await moreAcceptors(server, 3, 128, (socket) => socket.destroy());
  await Promise.all([server, ...more].map((one) => new Promise((resolve) => one.close(resolve))));
  const next = createServer();
  await new Promise<void>((resolve, reject) => {
    next.once('error', reject);
    next.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => next.close(resolve));
});
