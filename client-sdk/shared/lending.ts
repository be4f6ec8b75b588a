// A tab's tokens: whose they are, and which of them it lends to the hub.

import { createFailure } from '../errors.js';
import { CLOSE_NETWORK, CLOSE_NORMAL } from '../numbers.js';
import type { Settings } from '../settings.js';
import { createTokens } from '../token-source.js';
import type { TokenContext } from '../types.js';

export interface Lending {
  /** Who the user is: the text of the `sub`, to be compared and no more; empty without a token. Rejects with `user_changed` where it was another. */
  user(): Promise<string>;
  /** A token of that user's. */
  lend(reason: TokenContext['reason']): Promise<string | undefined>;
  /** The hub needs none for now: what is left over will be too old. */
  forget(): void;
  close(): void;
}

const userOf = (token: string | undefined): string => {
  const [, payload = ''] = token?.split('.') ?? [];
  return payload && String(JSON.parse(atob(payload.replace(/-/g, '+').replace(/_/g, '/'))).sub);
};

export const createLending = (settings: Settings): Lending => {
  const tokens = createTokens(settings);
  /** Until it is closed. */
  let user: string | undefined;
  /** The token by which the user was found: the first to be lent. */
  let spare: string | undefined;
  const forget = () => {
    spare = undefined;
  };
  return {
    async user() {
      spare = await tokens.get('connect');
      const found = userOf(spare);
      // What is subscribed to, and what waits to be published, is the other's.
      if (found !== (user ?? found)) throw createFailure(CLOSE_NORMAL, 'user_changed');
      user = found;
      return user;
    },
    async lend(reason) {
      const token = (reason !== 'refused' && spare) || (await tokens.get(reason));
      forget();
      if (userOf(token) === user) return token;
      throw createFailure(CLOSE_NETWORK, 'token', 'the token is of another user than the other tabs’');
    },
    forget,
    close() {
      user = undefined;
      tokens.close();
    },
  };
};
