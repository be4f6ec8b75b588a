// A push node: its parts put together, started, drained and closed.

import type { Authenticator } from '../auth/identity.js';
import type { Broker } from '../broker/broker.js';
import type { Registry } from '../cluster/registry.js';
import type { Namespaces } from '../config/namespaces.js';
import type { Logger } from '../lib/logger.js';
import type { Origins } from '../lib/origins.js';
import type { Engine, HttpExchange } from './engines/engine.js';

export interface PushNodeParts {
  readonly broker: Broker;
  readonly engine: Engine;
  readonly authenticator: Authenticator;
  /** Where the node reports its load; none when it stands alone. */
  readonly registry?: Registry;
  readonly logger: Logger;
  /** Answers every path that is not the node's: discovery, SDK and demo page in `start`. */
  readonly fallback?: (exchange: HttpExchange) => void | Promise<void>;
}

/** All merged: nothing here is optional. */
export interface PushNodeOptions {
  readonly id: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Public `http(s)://` base; empty: `http://host:port` once the port is known. */
  readonly url: string;
  readonly namespaces: Namespaces;
  readonly origins: Origins;
  readonly maxConnections: number;
  readonly maxConnectsPerSecond: number;
  /** Whether a user's token is taken where a ticket is expected. */
  readonly allowUserTokens: boolean;
  /** Bearer keys of backends that publish by HTTP. */
  readonly publishKeys: readonly string[];
  /** Bearer key of operators; empty: those APIs are off. */
  readonly adminKey: string;
  readonly heartbeatMs: number;
  readonly handshakeTimeoutMs: number;
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
  readonly maxBodyBytes: number;
  readonly channelsPerConnection: number;
  /** Unsent bytes at which a slow consumer is cut. */
  readonly maxBufferedBytes: number;
  /** Commands per connection: a token bucket. */
  readonly commandRate: { readonly perSecond: number; readonly burst: number };
  /** Polls per connection: a token bucket. */
  readonly pollRate: { readonly perSecond: number; readonly burst: number };
}

/** Plain counters, read by `/metrics` and tests. */
export interface NodeStats {
  readonly connections: number;
  readonly sockets: number;
  readonly streams: number;
  readonly waitingPolls: number;
  readonly channels: number;
  readonly [counter: string]: number;
}

export interface PushNode {
  /** Resolves when clients can connect. Rejects with `FanfareError` when the broker or the address cannot be had. */
  start(): Promise<{ readonly url: string; readonly port: number }>;
  stats(): NodeStats;
  /** Moves every connection off the node, paced, then closes. */
  drain(): Promise<void>;
  /** Closes everything at once. Idempotent. */
  close(): Promise<void>;
}

declare const createPushNodeType: (parts: PushNodeParts, options: PushNodeOptions) => PushNode;
export type CreatePushNode = typeof createPushNodeType;
