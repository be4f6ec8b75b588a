// Puts together what a process knows of revocations, and what has tokens and tickets held against it.

import { randomBytes } from 'node:crypto';
import { revocable } from '../auth/revocable.js';
import { Revocations } from '../cluster/revocations.js';
import type { LoadedConfig } from '../config/load-config.js';
import type { Config } from '../config/schema.js';
import type { Logger } from '../lib/logger.js';
import { type AuthParts, composeAuth } from './compose-auth.js';
import type { Cluster } from './compose-cluster.js';
import { nodeIdOf } from './compose-node.js';

/** Nothing runs before the revocations' `start`. `member` is what this process is called where others wait for it. */
export function composeRevocableAuth(
  loaded: LoadedConfig,
  cluster: Cluster,
  member: string,
  logger: Logger,
): { readonly auth: AuthParts; readonly revocations: Revocations } {
  const { revocationFalsePositives: falsePositives } = loaded.config;
  const revocations = new Revocations({ log: cluster.revocations, member, falsePositives, logger });
  const auth = composeAuth(loaded, logger);
  return { auth: withRevocations(auth, revocations), revocations };
}

/** Closes `parts`, which need Redis no more, leaves the others who know revocations, and closes the connection. */
export async function release(
  cluster: Cluster,
  revocations: Revocations,
  ...parts: readonly ({ close(): void } | undefined)[]
): Promise<void> {
  for (const part of parts) part?.close();
  await revocations.close();
  cluster.close();
}

/** What a discovery is called: several may have one name and port, each in a container of its own. */
export function discoveryMember(config: Config): string {
  return `discovery:${nodeIdOf(config)}:${randomBytes(3).toString('hex')}`;
}

/** As `auth`, which refuses what is revoked. */
function withRevocations(auth: AuthParts, revocations: Revocations): AuthParts {
  const { authenticator, tokens } = auth;
  return {
    ...auth,
    authenticator: revocable(authenticator, revocations),
    // Where no user's token is taken, none can be revoked.
    tokens: tokens && {
      ...revocable(tokens, revocations),
      stats: () => ({ ...tokens.stats(), ...revocations.stats() }),
    },
  };
}
