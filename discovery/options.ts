// What discovery is made of, and its options with their units and defaults.

import type { Authenticator } from '../src/auth/identity.js';
import type { Membership } from '../src/auth/membership.js';
import type { TicketAuthority } from '../src/auth/ticket.js';
import type { Registry } from '../src/cluster/registry.js';
import type { Revocations } from '../src/cluster/revocations.js';
import type { Namespaces } from '../src/config/namespaces.js';
import type { Origins } from '../src/http/origins.js';
import type { Logger } from '../src/lib/logger.js';
import type { Limit, LimitSharing } from '../src/limits/subject-limit.js';
import { TRANSPORTS, type Transport } from '../src/protocol/index.js';

export interface DiscoveryParts {
  /** Where nodes report; the caller's to start and close. */
  readonly registry: Registry;
  /** Signs what the nodes take. */
  readonly tickets: TicketAuthority;
  /** Knows the nodes that have the secret with which `tickets` signs. */
  readonly membership: Membership;
  /** Verifies users' tokens; absent where no key is configured and everybody is anonymous. */
  readonly tokens?: Authenticator | undefined;
  /** What the cluster has revoked: the paths that ask of it are there only with it. Whoever made it starts and closes it. */
  readonly revocations?: Pick<Revocations, 'log' | 'readNow'>;
  readonly logger: Logger;
  /** Limits that its cluster shares; whoever made it starts and closes it. */
  readonly sharedLimits?: LimitSharing | undefined;
  /** Unix milliseconds for everything; by default `Date.now` for what tickets say and a steady clock for durations. */
  readonly clock?: () => number;
  /** From 0 up to 1; default `Math.random`. */
  readonly random?: () => number;
}

export interface DiscoveryOptions {
  readonly namespaces: Namespaces;
  readonly origins: Origins;
  /** Bearer keys of operators; none (the default): their API is off. */
  readonly adminKeys: readonly string[];
  /** Whether the list of nodes is served to operators apart alone, by {@link Discovery.operators}; default `false`. */
  readonly isApart: boolean;
  /** Addresses or networks (`10.0.0.0/8`) whose `X-Forwarded-For` or `Forwarded` is believed; default none. */
  readonly trustedProxies: readonly string[];
  /** What clients may be told to connect by; default all. */
  readonly transports: readonly Transport[];
  /** Base of the cache through which clients may read public channels; default none. */
  readonly channelsUrl: string | undefined;
  /** Connects and tickets of one user; default 10 per second, 20 at once. Who has no name is counted by address alone. */
  readonly connects: Limit;
  /** The same of one address (IPv6: of one /64), whoever asks; default none. */
  readonly addresses: Limit | undefined;
  /** Users and addresses whose limits are remembered, each; default 50,000. */
  readonly maxLimits: number;
  /** The longest life of a ticket; default 1 h. */
  readonly ticketLifeMs: number;
  /** How long the nodes last known serve while the registry is away; default 5 min. */
  readonly lastKnownMs: number;
  /** How often the known nodes are refreshed; default 5 s. */
  readonly refreshMs: number;
  /** The largest request body; default 16 KiB. */
  readonly maxBodyBytes: number;
  /** The longest URL; default 4 KiB. */
  readonly maxUrlBytes: number;
}

export const DISCOVERY_DEFAULTS = {
  adminKeys: [],
  isApart: false,
  trustedProxies: [],
  transports: TRANSPORTS,
  channelsUrl: undefined,
  connects: { name: 'connects', by: ['user'], config: { algorithm: 'token-bucket', perSecond: 10, burst: 20 } },
  addresses: undefined,
  maxLimits: 50_000,
  ticketLifeMs: 3_600_000,
  lastKnownMs: 5 * 60_000,
  refreshMs: 5_000,
  maxBodyBytes: 16 * 1024,
  maxUrlBytes: 4 * 1024,
} as const satisfies Omit<DiscoveryOptions, 'namespaces' | 'origins'>;

/** One thing that readiness depends on. */
export interface DiscoveryCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Unix milliseconds of the last change. */
  readonly sinceMs: number;
  readonly detail: string;
}
