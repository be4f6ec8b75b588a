// Tells tickets from users' tokens and has each verified by whoever can.

import { FanfareError } from '../lib/errors.js';
import type { Authenticator } from './identity.js';
import type { TicketAuthority } from './ticket.js';
import { isTicketHeader, readTokenText } from './token-text.js';

/** Chosen: more than anybody has keys. */
const MAX_KNOWN_HEADERS = 64;
const MAX_KNOWN_HEADER_LENGTH = 512;

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
  const isTicket = ticketsByHeader();
  return {
    verify(text, remember) {
      if (text === '') throw new FanfareError('token_missing', 'the token is empty');
      // A text that has been found good need not be looked into.
      const known = tickets.recall(text);
      if (known !== undefined) return known;
      return isTicket(text) ? tickets.verifyAfresh(text, remember) : tokens.verify(text, remember);
    },
  };
}

/** Tells a ticket by the text of its header, which is the same for all that one key has signed: each is decoded once. */
function ticketsByHeader(): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    const header = text.slice(0, text.indexOf('.'));
    let isTicket = known.get(header);
    if (isTicket === undefined) {
      isTicket = isTicketHeader(readTokenText(text).header);
      if (known.size >= MAX_KNOWN_HEADERS) known.clear();
      if (header.length <= MAX_KNOWN_HEADER_LENGTH) known.set(header, isTicket);
    }
    return isTicket;
  };
}
