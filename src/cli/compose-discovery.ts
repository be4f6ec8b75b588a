// Puts discovery together from the configuration.

import { createDiscovery, type Discovery } from '../../discovery/handler.js';
import type { Registry } from '../cluster/registry.js';
import type { Revocations } from '../cluster/revocations.js';
import { limitSettings } from '../config/limits.js';
import type { Namespaces } from '../config/namespaces.js';
import type { Config } from '../config/schema.js';
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

/** Discovery's counters beside those of a node: `connects` as `discoveryConnects`. */
export function discoveryStats(discovery: Discovery | undefined): Readonly<Record<string, number>> {
  const named = (key: string) => `discovery${key.charAt(0).toUpperCase()}${key.slice(1)}`;
  return Object.fromEntries(Object.entries(discovery?.stats() ?? {}).map(([key, value]) => [named(key), value]));
}
