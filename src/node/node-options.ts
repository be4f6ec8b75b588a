// What a push node is made of, what it can be told, and what it tells of itself.

import type { Authenticator } from '../auth/identity.js';
import type { Membership } from '../auth/membership.js';
import type { BatchPublisher, Broker } from '../broker/broker.js';
import type { ErasingBroker } from '../broker/eraser.js';
import type { Ingest } from '../broker/queue/ingest.js';
import type { Registry } from '../cluster/registry.js';
import type { Revocations } from '../cluster/revocations.js';
import type { PublishKey } from '../config/key-list.js';
import type { NamespaceOptions, Namespaces } from '../config/namespaces.js';
import type { Origins } from '../http/origins.js';
import type { Logger } from '../lib/logger.js';
import type { TlsPair } from '../lib/tls-pair.js';
import type { SharedLinks } from '../limits/shared-links.js';
import type { Limit, LimitSharing } from '../limits/subject-limit.js';
import type { Engine, HttpExchange } from './engines/engine.js';

/** Answers what is not the node's own path. */
export type Fallback = (exchange: HttpExchange) => void | Promise<void>;

export interface PushNodeParts {
  /** Several messages it publishes at once, where it can. */
  readonly broker: Broker & Partial<BatchPublisher & ErasingBroker>;
  readonly engine: Engine;
  readonly authenticator: Authenticator;
  /** Where the node reports its load; none when it stands alone. */
  readonly registry?: Registry;
  readonly logger: Logger;
  /** By which limits count, Unix milliseconds that do not go back; default `steadyUnixMs`. */
  readonly clock?: () => number;
  /** Limits that its cluster shares; whoever made it starts and closes it. */
  readonly sharedLimits?: LimitSharing;
  /** The cluster's count of links, where it has one. */
  readonly sharedLinks?: SharedLinks;
  /** Drains the queue while the node runs; the node starts it, and closes it first when it is drained. */
  readonly ingest?: Ingest;
  /** Answers every path that is not the node's: discovery, SDK and demo page in `start`. */
  readonly fallback?: Fallback;
  /** What its cluster has revoked; whoever made it starts and closes it. */
  readonly revocations?: Pick<Revocations, 'onEnding' | 'requireGood' | 'status' | 'stats'>;
  /** Proves to discovery that the node knows the cluster's secrets. */
  readonly membership?: Membership;
  /** Hears that an operator wants the node drained, and calls `drain`; without it the node does so itself. */
  readonly onDrainRequested?: () => void;
  /** Hears that another node has taken over the id, and calls `drain`; without it the node does so itself. */
  readonly onDisplaced?: () => void;
}

/** Rate limits by what they count. */
export interface NodeLimits {
  /** Commands of WebSockets. */
  readonly commands: Limit;
  /** Publishes of clients, by WebSocket and by HTTP. */
  readonly publishes: Limit;
  /** Polls, and streams that are opened. */
  readonly polls: Limit;
  /** Channels that nobody had open. */
  readonly openings: Limit;
  /** All calls of an address, whoever makes them. */
  readonly addresses: Limit;
  /** Messages that backends publish by HTTP. */
  readonly publishKey: Limit;
  /** Messages to one channel that pass the node. */
  readonly channel: Limit;
  /** Messages to one link. */
  readonly outbound: Limit;
  /** What namespaces have in place of the general ones. */
  readonly own: ReadonlyMap<NamespaceOptions, OwnLimits>;
}

/** Limits of one namespace. */
export interface OwnLimits {
  readonly outbound?: Limit;
  readonly channel?: Limit;
  readonly publishes?: Limit;
}

/** All merged: nothing here is optional. */
export interface PushNodeOptions {
  readonly id: string;
  /** Of the program, for the node's record. */
  readonly version: string;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Public `http(s)://` base; empty: from host and port, once that is known. */
  readonly url: string;
  /** With it the node speaks TLS alone; absent: plain HTTP. */
  readonly tls?: TlsPair | undefined;
  readonly namespaces: Namespaces;
  readonly origins: Origins;
  /** Addresses or networks (`10.0.0.0/8`) whose forwarded addresses are believed. */
  readonly trustedProxies: readonly string[];
  readonly maxConnections: number;
  /** Sockets of one address that have neither been answered nor let in; 0 bounds nobody. */
  readonly handshakesPerAddress: number;
  readonly maxConnectsPerSecond: number;
  /** Resident memory at which the node counts as using all it may. */
  readonly maxMemoryBytes: number;
  /** Bearer keys of backends that publish by HTTP. */
  readonly publishKeys: readonly PublishKey[];
  readonly heartbeatMs: number;
  /** How often WebSockets' peers are pinged; one that is silent for twice that is dead. */
  readonly pingMs: number;
  readonly handshakeTimeoutMs: number;
  readonly maxFrameBytes: number;
  readonly maxMessageBytes: number;
  readonly maxBodyBytes: number;
  /** Replicas that must have what is published here before it is acknowledged. */
  readonly waitReplicas: number;
  readonly channelsPerConnection: number;
  /** Channels open at the node; a subscribe, stream or waiting poll that would open another is refused. */
  readonly maxChannels: number;
  /** Bytes of messages that all channels of the node keep in memory; beyond it the log is read for what was let go. */
  readonly maxHistoryBytes: number;
  /** Unsent bytes at which a slow consumer is cut. */
  readonly maxBufferedBytes: number;
  /** Unsent bytes of all links together; over it those with the most are cut. */
  readonly maxBufferedTotal: number;
  readonly limits: NodeLimits;
  /** WebSockets, streams and waiting polls of one user, or address, at the same time; 0 is no limit. */
  readonly linksPerUser: number;
  /** Whom that counts; default `user`. */
  readonly linksBy?: 'user' | 'address' | undefined;
}

/** Plain counters, read by `/metrics` and tests. */
export type NodeStats = Readonly<Record<string, number>>;

/** One condition of readiness. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Unix milliseconds of the last change. */
  readonly sinceMs: number;
  readonly detail: string;
}

export interface StartedNode {
  readonly url: string;
  readonly port: number;
  /** Whether clients are sent there: a node can serve and be a stranger in its cluster. */
  readonly ready: boolean;
}

export interface PushNode {
  /**
   * Resolves when clients can connect. Rejects when the broker or the address cannot be had, and with `IdTakenError` while
   * another node lives under the id.
   */
  start(): Promise<StartedNode>;
  stats(): NodeStats;
  /** What readiness depends on; ready when all are `ok`. */
  checks(): readonly ReadinessCheck[];
  /** Is reported as draining and not ready from now on, and serves as ever: who balances load can turn away in time. */
  leave(): Promise<void>;
  /** Moves every client off the node, paced, within `withinMs` and 5 s, then closes. Idempotent. */
  drain(withinMs?: number): Promise<void>;
  /** Closes everything at once. Idempotent. */
  close(): Promise<void>;
}
