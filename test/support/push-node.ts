// A real push node in this process, for tests: real engine, real tickets, any broker.

import { createAuthenticator } from '../../src/auth/authenticator.js';
import type { Grants } from '../../src/auth/identity.js';
import { revocable } from '../../src/auth/revocable.js';
import { createTicketAuthority } from '../../src/auth/ticket.js';
import { createTokenVerifier } from '../../src/auth/token-verifier.js';
import type { Broker } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import type { Revocations } from '../../src/cluster/revocations.js';
import type { WrittenLimits } from '../../src/config/limits.js';
import { type NamespaceOptions, Namespaces } from '../../src/config/namespaces.js';
import { Origins } from '../../src/http/origins.js';
import { type Logger, silentLogger } from '../../src/lib/logger.js';
import { loadEngine } from '../../src/node/engines/load-engine.js';
import { createWsEngine } from '../../src/node/engines/ws/engine.js';
import { createPushNode, type PushNode, type PushNodeOptions, type PushNodeParts } from '../../src/node/push-node.js';
import { LIMITS } from '../../src/protocol/index.js';
import { hmacJwt } from './jwt.js';
import { type Rate, testLimits } from './limits.js';

export const PUBLISH_KEY = 'publish-key-of-the-tests-0123456789';

export interface TestNode {
  readonly url: string;
  readonly node: PushNode;
  readonly broker: Broker;
  /** A ticket for `user` with these grants; everything by default. Without a name: of an anonymous client. */
  ticket(user?: string | null, grants?: Partial<Grants>, lifeMs?: number, reservation?: string): string;
  /** A ticket of a token with this `jti` that was issued then, in Unix milliseconds. */
  ticketOf(user: string, issuedAtMs: number, jti?: string): string;
  /** A user's own token with this `jti`, for a node that takes users' tokens. */
  token(user: string, jti: string): string;
  close(): Promise<void>;
}

export interface TestNodeSetup {
  readonly engine: 'uws' | 'ws';
  readonly broker?: Broker;
  readonly namespaces?: Readonly<Record<string, Partial<NamespaceOptions>>>;
  readonly options?: Partial<PushNodeOptions>;
  readonly logger?: Logger;
  /** Registry, fallback and whatever else a test puts in its place. */
  readonly parts?: Partial<PushNodeParts>;
  readonly allowUserTokens?: boolean;
  /** What is revoked; whoever made it starts and closes it. */
  readonly revocations?: Revocations;
  /** Where no rate is given, none is ever met: tests share one user. */
  readonly commandRate?: Rate;
  readonly publishRate?: Rate;
  readonly pollRate?: Rate;
  readonly openingRate?: Rate;
  /** As in the configuration, over those rates. */
  readonly limits?: WrittenLimits;
}

const GENEROUS: Rate = { perSecond: 10_000, burst: 10_000 };
const OWN_LIMITS = {
  maxBufferedBytes: 1024 * 1024,
  maxMemoryBytes: 2 ** 40,
  maxConnections: 10_000,
  maxChannels: 100_000,
  maxHistoryBytes: 64 * 1024 * 1024,
  maxBufferedTotal: 2 ** 40,
  trustedProxies: [],
  // All clients of a test come from one address.
  handshakesPerAddress: 0,
  linksPerUser: 0,
};
const SECRET = 'a secret of the tests, 32 bytes long';
const tickets = createTicketAuthority({ secrets: [SECRET], audience: 'tests' });
const tokens = createTokenVerifier({ issuers: [{ secret: SECRET }], allowStar: true, logger: silentLogger });

export async function startNode(setup: TestNodeSetup): Promise<TestNode> {
  const logger = setup.logger ?? silentLogger;
  const namespaces = new Namespaces(setup.namespaces);
  const broker = setup.broker ?? createMemoryBroker({ namespaces });
  const { revocations, allowUserTokens = false } = setup;
  const inner = createAuthenticator({ tickets, tokens, allowUserTokens });
  const parts: PushNodeParts = {
    broker,
    // One that runs for a moment needs no more than one acceptor.
    engine: setup.engine === 'ws' ? createWsEngine() : await loadEngine(setup.engine, logger),
    authenticator: revocations === undefined ? inner : revocable(inner, revocations),
    ...(revocations !== undefined && { revocations }),
    logger,
    ...setup.parts,
  };
  const node = createPushNode(parts, {
    id: 'n1',
    version: '0.0.0',
    host: '127.0.0.1',
    port: 0,
    url: '',
    namespaces,
    origins: new Origins(['https://app.example.com']),
    maxConnectsPerSecond: 2_000,
    publishKeys: [{ key: PUBLISH_KEY, patterns: ['*'], rights: ['publish'] }],
    heartbeatMs: LIMITS.heartbeatMs,
    pingMs: LIMITS.pingMs,
    handshakeTimeoutMs: LIMITS.handshakeTimeoutMs,
    maxFrameBytes: LIMITS.maxFrameBytes,
    maxMessageBytes: LIMITS.maxMessageBytes,
    maxBodyBytes: LIMITS.maxBodyBytes,
    waitReplicas: 0,
    channelsPerConnection: LIMITS.channelsPerConnection,
    ...OWN_LIMITS,
    limits: limitsOf(setup, namespaces),
    ...setup.options,
  });
  try {
    const { url } = await node.start();
    return { url, node, broker, ticket, ticketOf, token, close: () => node.close() };
  } catch (error) {
    await node.close();
    throw error;
  }
}

function limitsOf({ commandRate, publishRate, pollRate, openingRate, limits }: TestNodeSetup, namespaces: Namespaces) {
  const rates = {
    commands: commandRate ?? GENEROUS,
    publishes: publishRate ?? GENEROUS,
    polls: pollRate ?? GENEROUS,
    openings: openingRate ?? GENEROUS,
  };
  return testLimits(rates, limits, namespaces);
}

let connections = 0;

function token(sub: string, jti: string): string {
  const iat = Math.floor(Date.now() / 1_000);
  const fanfare = { subscribe: ['*'], publish: ['*'] };
  return hmacJwt({ sub, jti, iat, exp: iat + 600, fanfare }, { alg: 'HS256', typ: 'JWT' }, SECRET);
}

function ticketOf(user: string, issuedAtMs: number, jti?: string): string {
  const grants = { subscribe: ['*'], publish: ['*'], presence: [] };
  const times = { issuedAtMs, expiresAtMs: Date.now() + 600_000 };
  const rest = { connection: undefined, reservation: undefined };
  const identity = { kind: 'token', user, grants, ...times, tokenId: jti, ...rest } as const;
  return tickets.sign(identity, { connection: `c${++connections}` }).text;
}

function ticket(
  user: string | null = 'u1',
  grants: Partial<Grants> = {},
  lifeMs = 600_000,
  reservation?: string,
): string {
  const all = { subscribe: ['*'], publish: ['*'], presence: [] };
  const nowMs = Date.now();
  return tickets.sign(
    {
      kind: 'token',
      user,
      grants: { ...all, ...grants },
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + lifeMs,
      tokenId: undefined,
      connection: undefined,
      reservation: undefined,
    },
    { connection: `c${++connections}`, reservation },
  ).text;
}
