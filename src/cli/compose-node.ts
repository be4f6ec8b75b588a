// Puts a push node together from the configuration.

import { hostname, totalmem } from 'node:os';
import type { Authenticator } from '../auth/identity.js';
import type { Membership } from '../auth/membership.js';
import type { Ingest } from '../broker/queue/ingest.js';
import type { Registry } from '../cluster/registry.js';
import type { Revocations } from '../cluster/revocations.js';
import { boundOf, limitSettings, linksBy, usualHandshakes } from '../config/limits.js';
import type { Namespaces } from '../config/namespaces.js';
import type { Config } from '../config/schema.js';
import { Origins } from '../http/origins.js';
import type { TlsWatch } from '../http/tls-watch.js';
import type { Logger } from '../lib/logger.js';
import { contained } from '../lib/timers.js';
import type { SharedLinks } from '../limits/shared-links.js';
import type { LimitSharing } from '../limits/subject-limit.js';
import { loadEngine, tellFaults } from '../node/engines/load-engine.js';
import { nodeLimits } from '../node/node-limits.js';
import type { Fallback, PushNodeParts } from '../node/node-options.js';
import { createPushNode, type PushNode, type PushNodeOptions } from '../node/push-node.js';
import { LIMITS } from '../protocol/index.js';
import type { ServerEnd } from './server-end.js';
import { VERSION } from './version.js';

export interface NodeParts {
  readonly broker: PushNodeParts['broker'];
  readonly registry: Registry | undefined;
  readonly ingest: Ingest | undefined;
  readonly authenticator: Authenticator;
  readonly namespaces: Namespaces;
  readonly logger: Logger;
  readonly fallback: Fallback;
  readonly membership: Membership;
  readonly revocations: Revocations;
  readonly sharedLimits: LimitSharing | undefined;
  readonly sharedLinks: SharedLinks | undefined;
  /** Its certificate; whoever made it starts and closes it. */
  readonly tls: TlsWatch | undefined;
  /** How the process ends, where the node or an operator asks for it. */
  readonly end: Pick<ServerEnd, 'request' | 'displaced'>;
}

export interface ComposedNode {
  readonly node: PushNode;
  /** What runs, for metrics. */
  readonly build: Readonly<Record<string, string>>;
}

/** Nothing runs before the node's `start`. */
export async function composeNode(config: Config, parts: NodeParts): Promise<ComposedNode> {
  const { registry, ingest, namespaces, end, sharedLimits, sharedLinks, tls, ...rest } = parts;
  const engine = await loadEngine(config.engine, parts.logger);
  contained(() => tellFaults(engine, parts.logger));
  tls?.onRenewed((pair) => engine.renewTls(pair));
  const node = createPushNode(
    {
      ...rest,
      ...(registry !== undefined && { registry }),
      ...(ingest !== undefined && { ingest }),
      ...(sharedLimits !== undefined && { sharedLimits }),
      ...(sharedLinks !== undefined && { sharedLinks }),
      engine,
      onDrainRequested: () => end.request(),
      onDisplaced: () => end.displaced(),
    },
    { ...nodeOptions(config, namespaces), tls: tls?.pair },
  );
  return { node, build: { version: VERSION, engine: engine.name, node: nodeIdOf(config) } };
}

/** Chosen: what may wait for slow clients is so much of the memory that the node may use. */
const BUFFERED_SHARE = 4;

function nodeOptions(config: Config, namespaces: Namespaces): PushNodeOptions {
  const maxMemoryBytes = config.maxMemoryBytes ?? availableMemory();
  return {
    id: nodeIdOf(config),
    version: VERSION,
    host: config.host,
    port: config.port,
    url: config.nodeUrl ?? '',
    namespaces,
    origins: new Origins(config.origins),
    trustedProxies: config.trustedProxies,
    maxConnections: config.maxConnections,
    handshakesPerAddress: boundOf(
      config.limits.handshakes,
      config.handshakesPerIp ?? usualHandshakes(config.maxConnections),
    ),
    maxConnectsPerSecond: config.maxConnectsPerSecond,
    maxMemoryBytes,
    publishKeys: config.publishKey ?? [],
    heartbeatMs: config.heartbeat,
    // Who wants heartbeats more often wants to know of dead peers sooner, too.
    pingMs: Math.min(LIMITS.pingMs, 4 * config.heartbeat),
    handshakeTimeoutMs: config.handshakeTimeout,
    maxFrameBytes: config.maxFrameBytes,
    maxMessageBytes: config.maxMessageBytes,
    maxBodyBytes: config.maxBodyBytes,
    waitReplicas: config.waitReplicas,
    channelsPerConnection: config.channelsPerConnection,
    maxChannels: config.maxChannels,
    maxHistoryBytes: config.maxHistoryMemory ?? Math.floor((config.maxMemoryBytes ?? availableMemory()) / 8),
    maxBufferedBytes: config.maxBufferedBytes,
    maxBufferedTotal: config.maxBufferedTotal ?? maxMemoryBytes / BUFFERED_SHARE,
    limits: nodeLimits(limitSettings(config.limits, config), namespaces),
    linksPerUser: boundOf(config.limits.links, config.linksPerUser),
    linksBy: linksBy(config.limits.links),
  };
}

/** What the node is called in its cluster. */
export function nodeIdOf({ nodeId, port }: Config): string {
  return nodeId ?? defaultNodeId(port);
}

/** Host and port; where the system picks the port, the process tells two nodes apart. */
function defaultNodeId(port: number): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
    .slice(0, 48);
  return `${host}-${port === 0 ? `p${process.pid}` : port}`;
}

/** The container's limit where there is one. */
function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit !== undefined && limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
