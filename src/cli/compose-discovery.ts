// Puts discovery together from the configuration.

import { createDiscovery, type Discovery } from '../../discovery/handler.js';
import type { Registry } from '../cluster/registry.js';
import type { Revocations } from '../cluster/revocations.js';
import type { Namespaces } from '../config/namespaces.js';
import type { Config } from '../config/schema.js';
import { Origins } from '../http/origins.js';
import type { Logger } from '../lib/logger.js';
import type { RateLimitConfig } from '../limits/create-rate-limiter.js';
import type { AuthParts } from './compose-auth.js';

export interface DiscoveryParts {
  readonly registry: Registry;
  readonly auth: AuthParts;
  readonly revocations: Revocations;
  readonly namespaces: Namespaces;
  readonly logger: Logger;
}

export function composeDiscovery(
  config: Config,
  { registry, auth, revocations, namespaces, logger }: DiscoveryParts,
): Discovery {
  const { tickets, tokens, membership } = auth;
  return createDiscovery(
    { registry, tickets, tokens, membership, revocations, logger },
    {
      namespaces,
      origins: new Origins(config.origins),
      adminKeys: config.adminKey ?? [],
      trustedProxies: config.trustedProxies,
      userRate: perSecond(config.connectsPerUser),
      addressRate: config.connectsPerIp === 0 ? undefined : perSecond(config.connectsPerIp),
      ticketLifeMs: config.ticketTtl,
    },
  );
}

/** A second's worth may come at once, twice. */
function perSecond(rate: number): RateLimitConfig {
  return { algorithm: 'token-bucket', perSecond: rate, burst: 2 * rate };
}

/** Discovery's counters beside those of a node: `connects` as `discoveryConnects`. */
export function discoveryStats(discovery: Discovery | undefined): Readonly<Record<string, number>> {
  const named = (key: string) => `discovery${key.charAt(0).toUpperCase()}${key.slice(1)}`;
  return Object.fromEntries(Object.entries(discovery?.stats() ?? {}).map(([key, value]) => [named(key), value]));
}
