// What a node keeps of an idle WebSocket: a little, however many there are.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { SocketLink } from '../../../src/node/clients/socket-link.js';
import type { EngineSocket } from '../../../src/node/engines/engine.js';
import { nodeParts, tickets } from './link-parts.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const LINKS = 2_000;
/** So many are on their way at a time. */
const AT_ONCE = 100;
let subscribed = 0;
const socket: EngineSocket = {
  send: (frame) => {
    if (String(frame).startsWith('{"type":"subscribed"')) subscribed++;
  },
  cork: (write) => write(),
  ping: () => undefined,
  close: () => undefined,
  admit: () => undefined,
  cut: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  bufferedBytes: () => 0,
};

function usedBytes(): number {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

/** Bytes of heap that one more link takes, each with a ticket of its own. */
async function bytesOfALink(channelOf: (n: number) => string): Promise<number> {
  const { socketLink, links } = await nodeParts();
  const open = (n: number): void => {
    const identity = {
      ...({ kind: 'token', user: `user-${n}`, issuedAtMs: Date.now(), expiresAtMs: Date.now() + 3_600_000 } as const),
      ...{ grants: { subscribe: ['*'], publish: [], presence: [] }, tokenId: undefined, connection: undefined },
      reservation: undefined,
    };
    const { text } = tickets.sign(identity, { connection: `session-${n}`, reservation: `reservation-${n}` });
    const link = new SocketLink(socketLink);
    link.open(socket);
    link.text(JSON.stringify({ id: 1, type: 'connect', version: 1, token: text }));
    link.text(JSON.stringify({ id: 2, type: 'subscribe', channels: { [channelOf(n)]: 'now' } }));
  };
  subscribed = 0;
  const openAll = async (from: number): Promise<number> => {
    for (let n = from; n < from + LINKS; n++) {
      open(n);
      if (n % AT_ONCE === AT_ONCE - 1) while (subscribed <= n) await new Promise((resolve) => setImmediate(resolve));
    }
    return usedBytes();
  };
  const before = await openAll(0);
  const bytes = ((await openAll(LINKS)) - before) / LINKS;
  expect(links.sockets).toBe(2 * LINKS);
  for (const link of [...links.all()]) link.end('draining', 'the test is over');
  return bytes;
}

// The bounds are some 15 % above what came when they were set.
it('keeps less than 760 bytes of heap of a link', async () => {
  expect(await bytesOfALink(() => 'news')).toBeLessThan(760);
});

it('keeps less than 1,750 of a link with a channel of its own', async () => {
  expect(await bytesOfALink((n) => `user:${n}`)).toBeLessThan(1_750);
});
