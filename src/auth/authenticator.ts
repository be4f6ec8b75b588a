// Tells tickets from users' tokens and has each verified by whoever can.

import { FanfareError } from '../lib/errors.js';
import type { Authenticator } from './identity.js';
import type { TicketAuthority } from './ticket.js';
import { isTicketHeader, readTokenText } from './token-text.js';

export interface AuthenticatorParts {
  readonly tickets: TicketAuthority;
  /** Absent where no user's token is ever taken. */
  readonly tokens?: Authenticator | undefined;
  /** Whether a user's token is taken where a ticket is expected. */
  readonly allowUserTokens: boolean;
}

/**
 * What a node verifies with: tickets at once, users' tokens at once when they are remembered. Throws or rejects with
 * `wrong_token_kind` for a user's token where none is taken.
 */
export function createAuthenticator({ tickets, tokens, allowUserTokens }: AuthenticatorParts): Authenticator {
  if (tokens === undefined || !allowUserTokens) return tickets;
  return {
    verify(text, remember) {
      if (text === '') throw new FanfareError('token_missing', 'the token is empty');
      return isTicketHeader(readTokenText(text).header)
        ? tickets.verify(text, remember)
        : tokens.verify(text, remember);
    },
  };
}
