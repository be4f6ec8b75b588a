// Heartbeats and silence: a client hears something in time, and a link that takes nothing is cut.

import { expect, it, vi } from 'vitest';
import { createAuthenticator } from '../../../src/auth/authenticator.js';
import { createTicketAuthority } from '../../../src/auth/ticket.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { Origins } from '../../../src/http/origins.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Admission } from '../../../src/node/admission.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { Links } from '../../../src/node/clients/links.js';
import { Publisher } from '../../../src/node/clients/publisher.js';
import { SocketLink } from '../../../src/node/clients/socket-link.js';
import { StreamLink } from '../../../src/node/clients/stream-link.js';
import type { EngineSocket, HttpStream } from '../../../src/node/engines/engine.js';
import { Lifecycle } from '../../../src/node/lifecycle.js';
import { Reservations } from '../../../src/node/reservations.js';
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

/** The parts of a node that links need; no timers run. */
async function nodeParts() {
  const broker = createFaultyBroker();
  const namespaces = new Namespaces();
  const written: string[] = [];
  const publish = (_topic: string, frame: Buffer) => void written.push(String(frame));
  const channels = new Channels({ broker, namespaces, logger: silentLogger, publish, maxChannels: 10_000 });
  await broker.start(channels);
  const links = new Links({ heartbeatMs: HEARTBEAT_MS });
  const authenticator = createAuthenticator({ tickets, allowUserTokens: false });
  const rate = { algorithm: 'token-bucket', perSecond: 100, burst: 100 } as const;
  const limit = { name: 'commands', config: rate, by: ['link'] } as const;
  const room = () => ({ isFull: false, isTight: false, isBusy: false, detail: '' });
  const lifecycle = new Lifecycle({ id: 'n1', logger: silentLogger, room, hears: () => true });
  lifecycle.on('serve');
  const door = new Admission({
    origins: new Origins([]),
    authenticator,
    limits: { commands: limit, publishes: limit, reads: limit },
    lifecycle,
    reservations: new Reservations(),
  });
  const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };
  const terms = { id: 'n1', heartbeatMs: HEARTBEAT_MS, ...limits };
  const logger = silentLogger;
  const subscriptions = { channels, namespaces, channelsPerConnection: 128, aheadBytes: 256 * 1024, logger };
  const publisher = new Publisher({ broker, namespaces, maxMessageBytes: 65_536, waitReplicas: 0 });
  const session = { subscriptions, publisher, identify: (text: string) => door.identifyOnce(text), logger };
  const socketLink = { door, links, session, terms, commands: limit, handshakeTimeoutMs: 5_000, logger };
  const streamLink = { links, subscriptions, terms, maxBufferedBytes: 1024 * 1024 };
  return { socketLink, streamLink, links, channels, broker, written };
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
  const { socketLink, channels, written } = await nodeParts();
  const connection = new SocketLink(socketLink);
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
  const { socketLink, channels, written } = await nodeParts();
  const connection = new SocketLink(socketLink);
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
  const { streamLink, links, channels, broker } = await nodeParts();
  const data = JSON.stringify('x'.repeat(50_000));
  for (let n = 0; n < 40; n++) await broker.healthy.publish({ channel: 'news', data });
  const { state, stream } = stalledStream();
  state.full = true;
  const connection = new StreamLink(streamLink, stream, tickets.verify(ticket));
  connection.start({ channels: new Map([['news', '-1']]) });
  while (state.bytes < 256 * 1024) await new Promise((resolve) => setImmediate(resolve));
  const at = performance.now();
  connection.beat(at);
  expect(state.destroyed).toBe(false);
  for (let beats = 1; beats <= 3; beats++) connection.beat(at + beats * HEARTBEAT_MS);
  expect(state.destroyed).toBe(true);
  expect(links.slowConsumers).toBe(1);
  expect(links.size).toBe(0);
  channels.close();
});

it('gives back the buffer of an ended stream whose peer does not read', async () => {
  vi.useFakeTimers();
  try {
    const { streamLink, links, channels } = await nodeParts();
    const { state, stream } = stalledStream();
    links.start();
    const connection = new StreamLink(streamLink, stream, tickets.verify(ticket));
    state.full = true;
    connection.end('token_expired', 'the ticket has expired');
    expect(links.size).toBe(0);
    expect(state.bytes).toBeGreaterThan(0);
    vi.advanceTimersByTime(9_000);
    expect(state.destroyed).toBe(false);
    vi.advanceTimersByTime(2_000);
    expect(state.destroyed).toBe(true);
    links.stop();
    channels.close();
  } finally {
    vi.useRealTimers();
  }
});

it('leaves an ended stream alone whose peer reads', async () => {
  vi.useFakeTimers();
  try {
    const { streamLink, links, channels } = await nodeParts();
    const { state, stream } = stalledStream();
    links.start();
    const connection = new StreamLink(streamLink, stream, tickets.verify(ticket));
    state.full = true;
    connection.end('token_expired', 'the ticket has expired');
    vi.advanceTimersByTime(5_000);
    state.bytes = 0;
    vi.advanceTimersByTime(30_000);
    expect(state.destroyed).toBe(false);
    links.stop();
    channels.close();
  } finally {
    vi.useRealTimers();
  }
});
