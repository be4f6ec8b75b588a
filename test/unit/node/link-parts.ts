// The parts of a node that links need, for tests of links alone.

import { createAuthenticator } from '../../../src/auth/authenticator.js';
import type { Identity } from '../../../src/auth/identity.js';
import { createTicketAuthority } from '../../../src/auth/ticket.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { ClientAddress } from '../../../src/http/client-address.js';
import { Origins } from '../../../src/http/origins.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Admission } from '../../../src/node/admission.js';
import { Batches } from '../../../src/node/channels/batches.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { CommandReader } from '../../../src/node/clients/command-reader.js';
import { LinkCounts } from '../../../src/node/clients/link-counts.js';
import { LinkIds } from '../../../src/node/clients/link-ids.js';
import { Links } from '../../../src/node/clients/links.js';
import { PublishLimits } from '../../../src/node/clients/publish-limits.js';
import { Publisher } from '../../../src/node/clients/publisher.js';
import type { StreamClient } from '../../../src/node/clients/stream-link.js';
import type { HttpStream } from '../../../src/node/engines/engine.js';
import { Lifecycle } from '../../../src/node/lifecycle.js';
import { Reservations } from '../../../src/node/reservations.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';
import { testLimits } from '../../support/limits.js';
import { feedRules } from './nameless-polls.js';

export const HEARTBEAT_MS = 7_000;
export const PING_MS = 25_000;
export const tickets = createTicketAuthority({ secrets: ['a secret of the tests, 32 bytes long'], audience: 'tests' });
const now = Date.now();
export const { text: ticket } = tickets.sign(
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

/** The parts of a node that links need. */
export async function nodeParts() {
  const broker = createFaultyBroker();
  const namespaces = new Namespaces();
  const failed = (error: unknown) => {
    throw error;
  };
  const batches = new Batches(65_536, failed);
  const links = new Links({ heartbeatMs: HEARTBEAT_MS, maxConnections: 1_000 });
  const beforeMessage = (nowMs: number) => links.hurry(nowMs);
  const publish = () => undefined;
  const channels = new Channels({
    ...{ broker, namespaces, logger: silentLogger, publish, beforeMessage, maxChannels: 10_000 },
  });
  await broker.start(channels);
  const authenticator = createAuthenticator({ tickets, allowUserTokens: false });
  const rate = { perSecond: 100, burst: 100 };
  const room = () => ({ isFull: false, isTight: false, isBusy: false, detail: '' });
  const lifecycle = new Lifecycle({ id: 'n1', logger: silentLogger, room, hears: () => ({ ready: true, detail: '' }) });
  lifecycle.on('serve');
  const door = new Admission({
    origins: new Origins([]),
    logger: silentLogger,
    authenticator,
    clientAddress: new ClientAddress([]),
    limits: testLimits({ commands: rate, publishes: rate, polls: rate }),
    maxLimits: 1_000,
    lifecycle,
    reservations: new Reservations(),
  });
  const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };
  const terms = { id: 'n1', heartbeatMs: HEARTBEAT_MS, pingMs: PING_MS, limits };
  const logger = silentLogger;
  const { polls, nowMs } = door;
  const feeds = feedRules(namespaces);
  const subscriptions = {
    channels,
    namespaces,
    channelsPerConnection: 128,
    aheadBytes: 256 * 1024,
    polls,
    nowMs,
    feeds,
    logger,
  };
  const { commands, publishes, openings } = door;
  const limitParts = { limits: testLimits({ commands: rate, publishes: rate, polls: rate }), publishes, nowMs };
  const publishLimits = new PublishLimits({ namespaces, ...limitParts, maxLimits: 1_000 });
  const publishing = { broker, namespaces, limits: publishLimits };
  const publisher = new Publisher({ ...publishing, maxMessageBytes: 65_536, waitReplicas: 0 });
  const counts = new LinkCounts({ max: 0, by: 'user' });
  const ids = new LinkIds();
  const session = { ...subscriptions, ids, publisher, door, publishes, openings };
  const ofLinks = { links, counts, ids };
  const { slices } = channels;
  const paced = { batches, slices, handshakeTimeoutMs: 5_000 };
  const socketLink = { door, ...ofLinks, ...paced, session, terms, commands: new CommandReader(commands), logger };
  const streamLink = { ...ofLinks, subscriptions, terms, maxBufferedBytes: 1024 * 1024 };
  return { socketLink, streamLink, links, channels, broker };
}

export type Parts = Awaited<ReturnType<typeof nodeParts>>;

/** A client of a stream that limits count by nothing. */
export const clientOf = (identity: Identity): StreamClient => ({
  ...{ identity, keys: {}, seat: undefined, address: '127.0.0.1' },
});

/** A stream whose peer has stopped reading once `full`. */
export function stalledStream() {
  const state = { full: false, destroyed: false, bytes: 0 };
  const stream: HttpStream = {
    write: (chunk) => {
      if (state.full) state.bytes += chunk.length;
    },
    bufferedBytes: () => state.bytes,
    peerPort: undefined,
    handedBytes: () => 0,
    onDrain: () => undefined,
    end: () => undefined,
    destroy: () => {
      state.destroyed = true;
    },
  };
  return { state, stream };
}
