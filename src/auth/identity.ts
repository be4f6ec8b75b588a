// Who a client is and what it may do, after its token or ticket has been verified.

/** Channel patterns, with `${sub}` already filled in: a name, or a prefix that ends in `*`. */
export interface Grants {
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  readonly presence: readonly string[];
  /** Channels on which live-only messages may be published; absent: none. */
  readonly publishLive?: readonly string[];
}

/** One for all: every link keeps its grants. */
export const NO_PATTERNS: readonly string[] = [];

export const NO_GRANTS: Grants = { subscribe: NO_PATTERNS, publish: NO_PATTERNS, presence: NO_PATTERNS };

export interface Identity {
  readonly kind: 'token' | 'ticket' | 'anonymous';
  /** The token's `sub`; `null` for an anonymous client. */
  readonly user: string | null;
  readonly grants: Grants;
  /** Unix milliseconds, whole. */
  readonly issuedAtMs: number;
  /** Unix milliseconds; `Infinity` for an anonymous client without a ticket. */
  readonly expiresAtMs: number;
  /** By how much clocks may differ, in milliseconds; absent: nothing. */
  readonly toleranceMs?: number;
  /** The token's `jti`. */
  readonly tokenId: string | undefined;
  /** What a ticket says of its client's session, `<s>` of its links' ids. Limits of polls are kept by it. */
  readonly connection: string | undefined;
  /** The place that discovery reserved, to be claimed at the node. */
  readonly reservation: string | undefined;
}

/** When nothing is done for it any more: the same for whoever comes with it and for a link that it has opened. */
export function endsAtMs({ expiresAtMs, toleranceMs = 0 }: Pick<Identity, 'expiresAtMs' | 'toleranceMs'>): number {
  return expiresAtMs + toleranceMs;
}

/** Whether one of `patterns` grants `channel`. */
export function grants(patterns: readonly string[], channel: string): boolean {
  for (const pattern of patterns) {
    if (pattern === channel) return true;
    if (pattern.endsWith('*') && channel.startsWith(pattern.slice(0, -1))) return true;
  }
  return false;
}

/**
 * Turns the text of a token or ticket into an identity. `remember` (default true) keeps the verdict for the next time: polls
 * present a ticket again and again, a socket once. Answers at once where it can (tickets, cached tokens) and throws
 * or rejects with a `FanfareError` whose code begins with `token_`, or is `wrong_token_kind` or `revoked`.
 */
export interface Authenticator {
  verify(token: string, remember?: boolean): Identity | Promise<Identity>;
}
