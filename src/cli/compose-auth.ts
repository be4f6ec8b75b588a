// Puts together what verifies users' tokens and what signs tickets, from the configuration.

import { createAuthenticator } from '../auth/authenticator.js';
import type { Authenticator } from '../auth/identity.js';
import { Membership } from '../auth/membership.js';
import { createTicketAuthority, type TicketAuthority } from '../auth/ticket.js';
import { createTokenVerifier, type TokenVerifier } from '../auth/token-verifier.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { Logger } from '../lib/logger.js';
import { redisNamesOf } from './redis-place.js';

export interface AuthParts {
  readonly tickets: TicketAuthority;
  /** `undefined` where no key for users' tokens is configured. */
  readonly tokens: Pick<TokenVerifier, 'verify' | 'stats'> | undefined;
  /** The keys that are fetched, where the process takes users' tokens. */
  readonly keys: Pick<TokenVerifier, 'start' | 'close' | 'checks'>;
  /** What a node verifies with. */
  readonly authenticator: Authenticator;
  /** Knows who else has the cluster's secrets. */
  readonly membership: Membership;
}

const NO_KEYS: AuthParts['keys'] = { start: () => undefined, close: () => undefined, checks: () => [] };

export function composeAuth({ role, config }: LoadedConfig, logger: Logger): AuthParts {
  const { authSecret: secret, authPublicKey: publicKey, authJwksUrl: jwksUrl } = config;
  const { authIssuer: issuer, authAudience: audience, authAlgorithms: algorithms } = config;
  const issuers = [{ secret, publicKey, jwksUrl, issuer, audience, algorithms }];
  const canVerify = secret !== undefined || publicKey !== undefined || jwksUrl !== undefined;
  const { allowStarGrant: allowStar, clockTolerance: toleranceMs } = config;
  const tokens = canVerify ? createTokenVerifier({ issuers, allowStar, toleranceMs, logger }) : undefined;
  // A ticket of another cluster in the same Redis, whatever its database, or with the same secret, is refused.
  const audienceOfTickets = `fanfare:${redisNamesOf(config).bus}`;
  const secrets = config.clusterSecret ?? [];
  const tickets = createTicketAuthority({ secrets, audience: audienceOfTickets, toleranceMs });
  const authenticator = createAuthenticator({ tickets, tokens, allowUserTokens: config.allowUserTokens });
  // A node that takes tickets alone never looks at a user's token.
  const keys = role === 'node' && !config.allowUserTokens ? NO_KEYS : (tokens ?? NO_KEYS);
  return { tickets, tokens, keys, authenticator, membership: new Membership(secrets) };
}
