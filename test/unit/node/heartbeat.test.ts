// Heartbeats and silence: a client hears something in time, and a link that takes nothing is cut.

import { expect, it, vi } from 'vitest';
import { createAuthenticator } from '../../../src/auth/authenticator.js';
import { createTicketAuthority } from '../../../src/auth/ticket.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { Connections } from '../../../src/node/clients/links.js';
import { Connection } from '../../../src/node/clients/socket-link.js';
import { StreamConnection } from '../../../src/node/clients/stream-link.js';
import type { EngineSocket, HttpStream } from '../../../src/node/engines/engine.js';
import type { NodeContext } from '../../../src/node/node-context.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';

const HEARTBEAT_MS = 25_000;
const tickets = createTicketAuthority({ secrets: ['a secret of the tests, 32 bytes long'], audience: 'tests' });
const now = Date.now();
const { text: ticket } = tickets.sign(
  {
    kind: 'token',
    user: 'u1',
    grants: { subscribe: ['*'], publish: [], presence: [] },
    issuedAtMs: now,
    expiresAtMs: now + 3_600_000,
    tokenId: undefined,
    connection: undefined,
    reservation: undefined,
  },
  { connection: 'c1' },
);

/** As much of a node as links need; no timers run. */
async function nodeContext() {
  const broker = createFaultyBroker();
  const namespaces = new Namespaces();
  const written: string[] = [];
  const publish = (_topic: string, frame: Buffer) => void written.push(String(frame));
  const channels = new Channels({ broker, namespaces, logger: silentLogger, publish, maxChannels: 10_000 });
  await broker.start(channels);
  const rate = { algorithm: 'token-bucket', perSecond: 100, burst: 100 } as const;
  const options = {
    namespaces,
    heartbeatMs: HEARTBEAT_MS,
    channelsPerConnection: 128,
    maxBufferedBytes: 1024 * 1024,
    maxMessageBytes: 65_536,
  };
  const context = {
    options,
    authenticator: createAuthenticator({ tickets, allowUserTokens: false }),
    channels,
    connections: new Connections({ heartbeatMs: HEARTBEAT_MS }),
    commandLimit: { name: 'commands', config: rate },
    logger: silentLogger,
    counters: { slowConsumers: 0, polls: 0, rateLimited: 0, refused: 0 },
    claim: () => undefined,
    requireRoom: () => undefined,
  };
  // The rest of a context is for publishing and for HTTP.
  return { context: context as unknown as NodeContext, channels, broker, written };
}

function socketThat(written: string[]): EngineSocket {
  return {
    send: (frame) => void written.push(String(frame)),
    cork: (write) => write(),
    ping: () => undefined,
    close: () => void written.push('closed'),
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    bufferedBytes: () => 0,
  };
}

it('lets no client wait for nearly twice the interval after a message that came just after a beat', async () => {
  const { context, channels, written } = await nodeContext();
  const connection = new Connection(context);
  connection.open(socketThat(written));
  connection.text(JSON.stringify({ id: 1, type: 'connect', version: 1, token: ticket }));
  connection.text(JSON.stringify({ id: 2, type: 'subscribe', channels: { news: 'now' } }));
  const channel = channels.acquire('news');
  await channel.ready;
  await new Promise((resolve) => setImmediate(resolve));
  expect(written.some((frame) => frame.includes('"subscribed"'))).toBe(true);
  const beatAt = performance.now();
  connection.beat(beatAt);
  written.length = 0;
  channel.deliveredAtMs = beatAt + 1;
  connection.beat(beatAt + HEARTBEAT_MS);
  expect(written).toEqual(['{"type":"heartbeat"}']);
  channels.close();
});

it('sends no heartbeat where messages flow', async () => {
  const { context, channels, written } = await nodeContext();
  const connection = new Connection(context);
  connection.open(socketThat(written));
  connection.text(JSON.stringify({ id: 1, type: 'connect', version: 1, token: ticket }));
  connection.text(JSON.stringify({ id: 2, type: 'subscribe', channels: { news: 'now' } }));
  const channel = channels.acquire('news');
  await channel.ready;
  await new Promise((resolve) => setImmediate(resolve));
  written.length = 0;
  channel.deliveredAtMs = performance.now();
  connection.beat(performance.now() + 1_000);
  expect(written).toEqual([]);
  channels.close();
});

/** A stream whose peer has stopped reading once `full`. */
function stalledStream() {
  const state = { full: false, destroyed: false, bytes: 0 };
  const stream: HttpStream = {
    write: (chunk) => {
      if (state.full) state.bytes += chunk.length;
    },
    bufferedBytes: () => state.bytes,
    onDrain: () => undefined,
    end: () => undefined,
    destroy: () => {
      state.destroyed = true;
    },
  };
  return { state, stream };
}

it('cuts a stream that takes nothing of its replay', async () => {
  const { context, channels, broker } = await nodeContext();
  const data = JSON.stringify('x'.repeat(50_000));
  for (let n = 0; n < 40; n++) await broker.healthy.publish({ channel: 'news', data });
  const { state, stream } = stalledStream();
  state.full = true;
  const connection = new StreamConnection(context, stream, tickets.verify(ticket));
  connection.start({ channels: new Map([['news', '-1']]) });
  while (state.bytes < 256 * 1024) await new Promise((resolve) => setImmediate(resolve));
  const at = performance.now();
  connection.beat(at);
  expect(state.destroyed).toBe(false);
  for (let beats = 1; beats <= 3; beats++) connection.beat(at + beats * HEARTBEAT_MS);
  expect(state.destroyed).toBe(true);
  expect(context.counters.slowConsumers).toBe(1);
  expect(context.connections.size).toBe(0);
  channels.close();
});

it('gives back the buffer of an ended stream whose peer does not read', async () => {
  vi.useFakeTimers();
  try {
    const { context, channels } = await nodeContext();
    const { state, stream } = stalledStream();
    context.connections.start();
    const connection = new StreamConnection(context, stream, tickets.verify(ticket));
    state.full = true;
    connection.end('token_expired', 'the ticket has expired');
    expect(context.connections.size).toBe(0);
    expect(state.bytes).toBeGreaterThan(0);
    vi.advanceTimersByTime(9_000);
    expect(state.destroyed).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(state.destroyed).toBe(true);
    context.connections.stop();
    channels.close();
  } finally {
    vi.useRealTimers();
  }
});

it('leaves an ended stream alone whose peer reads', async () => {
  vi.useFakeTimers();
  try {
    const { context, channels } = await nodeContext();
    const { state, stream } = stalledStream();
    context.connections.start();
    const connection = new StreamConnection(context, stream, tickets.verify(ticket));
    state.full = true;
    connection.end('token_expired', 'the ticket has expired');
    vi.advanceTimersByTime(5_000);
    state.bytes = 0;
    vi.advanceTimersByTime(30_000);
    expect(state.destroyed).toBe(false);
    context.connections.stop();
    channels.close();
  } finally {
    vi.useRealTimers();
  }
});
