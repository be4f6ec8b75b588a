// Commands of a link when the node has more to do than fits into a slice: they wait, in their order, and none is lost.

import { afterEach, expect, it, vi } from 'vitest';
import { SocketLink } from '../../../src/node/clients/socket-link.js';
import type { EngineSocket } from '../../../src/node/engines/engine.js';
import { nodeParts, ticket, tickets } from './link-parts.js';

type Parts = Awaited<ReturnType<typeof nodeParts>>;
let parts: Parts | undefined;
afterEach(() => parts?.channels.close());

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A link at a node that has just so much to do, and what it is sent, a text for each write. */
async function busyLink() {
  parts = await nodeParts();
  const { socketLink, channels, broker } = parts;
  await channels.acquire('news').ready;
  const writes: string[][] = [];
  let write: string[] | undefined;
  const socket: EngineSocket = {
    send: (frame) => {
      if (write === undefined) writes.push([String(frame)]);
      else write.push(String(frame));
    },
    cork: (run) => {
      const isOuter = write === undefined;
      write ??= [];
      run();
      if (isOuter && write.length > 0) writes.push(write);
      if (isOuter) write = undefined;
    },
    ping: () => undefined,
    close: () => link.close(),
    admit: () => undefined,
    cut: () => undefined,
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    bufferedBytes: () => 0,
  };
  const link = new SocketLink(socketLink);
  link.open(socket);
  const send = (command: object) => link.text(JSON.stringify(command));
  const busy = () => socketLink.slices.add(() => undefined);
  return { link, send, busy, writes, broker };
}

const types = (frames: readonly string[]) => frames.map((frame) => JSON.parse(frame).type);
const connect = { id: 1, type: 'connect', version: 1, token: ticket, features: ['ping'] };
const subscribe = { id: 2, type: 'subscribe', channels: { news: 'now' } };

it('runs them in a slice, in their order and in one write', async () => {
  const { send, busy, writes } = await busyLink();
  busy();
  for (const command of [connect, subscribe, { id: 3, type: 'ping' }]) send(command);
  expect(writes).toEqual([]);
  await turn();
  expect(writes.map(types)).toEqual([['connected', 'subscribed', 'pong']]);
});

it('reads what comes behind a connect that waits as that has agreed, whatever its length', async () => {
  const { send, busy, writes } = await busyLink();
  busy();
  send({ ...connect, features: ['positions'] });
  const names = Array.from({ length: 60 }, (_, n) => `${'long'.repeat(45)}:${n}`);
  send({ id: 2, type: 'subscribe', channels: Object.fromEntries(names.map((name) => [name, { last: 0 }])) });
  await turn();
  await vi.waitFor(() => expect(writes.flatMap(types).filter((type) => type === 'subscribed')).toHaveLength(60), {
    timeout: 30_000,
  });
});

it('answers at once what is little work, where nothing of its link waits', async () => {
  const { send, busy, writes } = await busyLink();
  send(connect);
  busy();
  send({ id: 3, type: 'ping' });
  expect(writes.flatMap(types)).toEqual(['connected', 'pong']);
  send(subscribe);
  send({ id: 4, type: 'ping' });
  expect(writes.flatMap(types)).toEqual(['connected', 'pong']);
  await turn();
  expect(writes.flatMap(types)).toEqual(['connected', 'pong', 'subscribed', 'pong']);
});

it('runs all of them before more of them wait than may', async () => {
  const { send, busy, writes } = await busyLink();
  send(connect);
  busy();
  send(subscribe);
  for (let id = 3; id < 3 + 64; id++) send({ id, type: 'unsubscribe', channels: [`c${id}`] });
  expect(writes.flatMap(types)).toEqual(['connected', 'subscribed', ...Array(64).fill('error')]);
});

it('publishes what a client published before it left, and begins nothing else for it', async () => {
  const { link, busy, broker } = await busyLink();
  const grants = { subscribe: ['*'], publish: ['*'], presence: [] };
  const said = { kind: 'token', user: 'u2', grants, issuedAtMs: Date.now(), expiresAtMs: Date.now() + 60_000 } as const;
  const none = { tokenId: undefined, connection: undefined, reservation: undefined };
  const { text } = tickets.sign({ ...said, ...none }, { connection: 'c2' });
  link.text(JSON.stringify({ ...connect, token: text }));
  busy();
  link.text(JSON.stringify({ ...subscribe, channels: { other: 'now' } }));
  link.text(JSON.stringify({ id: 3, type: 'publish', channel: 'left', data: 7 }));
  link.close();
  await turn();
  const { entries } = await broker.healthy.read('left', '-1', { maxEntries: 10, maxBytes: 1_000 });
  expect(entries.map(({ data }) => String(data))).toEqual(['7']);
  expect(parts?.channels.has('other')).toBe(false);
});

it('does not hold against a client that its connect waits for the node', async () => {
  const { link, send, busy, writes } = await busyLink();
  busy();
  send(connect);
  link.checkHandshake(Number.POSITIVE_INFINITY);
  await turn();
  expect(writes.flatMap(types)).toEqual(['connected']);
});

it('does nothing for a link that was ended while its connect waited', async () => {
  const { link, send, busy, writes } = await busyLink();
  busy();
  send(connect);
  link.end('auth_timeout', 'no valid connect in time');
  await turn();
  expect([writes, parts?.links.size]).toEqual([[], 0]);
});
