// Puts discovery together from the configuration.

import { createDiscovery, type Discovery } from '../../discovery/handler.js';
import type { Registry } from '../cluster/registry.js';
import type { Revocations } from '../cluster/revocations.js';
import { discoverySockets } from '../config/file-limit.js';
import { boundOf, limitSettings, usualHandshakes } from '../config/limits.js';
import type { Namespaces } from '../config/namespaces.js';
import type { Config } from '../config/schema.js';
import { ClientAddress } from '../http/client-address.js';
import { HandshakeWatch } from '../http/handshake-watch.js';
import { Origins } from '../http/origins.js';
import type { Logger } from '../lib/logger.js';
import { limitOf } from '../limits/limit-of.js';
import type { LimitSharing } from '../limits/subject-limit.js';
import type { AuthParts } from './compose-auth.js';

export interface DiscoveryParts {
  readonly registry: Registry;
  readonly auth: AuthParts;
  readonly revocations: Revocations;
  readonly sharedLimits: LimitSharing | undefined;
  readonly namespaces: Namespaces;
  readonly logger: Logger;
}

export function composeDiscovery(
  config: Config,
  { registry, auth, revocations, sharedLimits, namespaces, logger }: DiscoveryParts,
): Discovery {
  const { tickets, tokens, membership } = auth;
  const { connects, addresses } = limitSettings(config.limits, config);
  return createDiscovery(
    { registry, tickets, tokens, membership, revocations, sharedLimits, logger },
    {
      namespaces,
      origins: new Origins(config.origins),
      adminKeys: config.adminKey ?? [],
      isApart: config.opsPort !== undefined,
      trustedProxies: config.trustedProxies,
      channelsUrl: config.channelsUrl,
      connects: limitOf('connects', connects),
      addresses: limitOf('addresses', addresses),
      ticketLifeMs: config.ticketTtl,
    },
  );
}

export interface DiscoveryBounds {
  readonly maxConnections: number;
  readonly handshakes: HandshakeWatch;
}

/** What discovery takes of connections where it has a port of its own. */
export function discoveryBounds({ limits, handshakesPerIp, trustedProxies }: Config, logger: Logger): DiscoveryBounds {
  const maxConnections = discoverySockets();
  const max = boundOf(limits.handshakes, handshakesPerIp ?? usualHandshakes(maxConnections));
  return { maxConnections, handshakes: new HandshakeWatch(max, new ClientAddress(trustedProxies), logger) };
}

/** Discovery's counters beside those of a node: `connects` as `discoveryConnects`; `bounds` where it has a port of its own. */
export function discoveryStats(
  discovery: Discovery | undefined,
  bounds?: DiscoveryBounds,
): Readonly<Record<string, number>> {
  const named = (key: string) => `discovery${key.charAt(0).toUpperCase()}${key.slice(1)}`;
  const own = bounds && { handshakesRefused: bounds.handshakes.refusals };
  const stats = Object.entries(discovery?.stats() ?? {}).map(([key, value]) => [named(key), value]);
  return { ...Object.fromEntries(stats), ...own };
}
