// The user's token: a text, or what the application's function gives, one call at a time.

import { createFailure, createTimeout } from './errors.js';
import { CLOSE_NETWORK, CLOSE_NORMAL, TOKEN_LIMIT_MS } from './numbers.js';
import type { Settings } from './settings.js';
import type { TokenContext, TokenSource } from './types.js';

export interface Tokens {
  /** Whether a token that is refused may be followed by a better one. */
  readonly canChange: boolean;
  /**
   * `undefined` for who has none. Shares the call that is on its way, and takes what came of one that nobody waited for any more. Rejects with a
   * `Failure`: `logged_out`, `timeout` when the function has not answered within its limit or is not waited for any more, or `token` when it
   * failed in another way.
   */
  get(reason: TokenContext['reason']): Promise<string | undefined>;
  /** Forgets the call on its way. */
  close(): void;
}

const JWT = /^[\w-]+(\.[\w-]+){2}$/;

export const createTokens = ({ token, timers }: Settings): Tokens => {
  let call: { readonly answer: Promise<string>; readonly stop: AbortController } | undefined;

  const forget = () => {
    timers.delete(expire);
    call = undefined;
  };
  const expire = () => {
    call?.stop.abort();
    forget();
  };

  const ask = async (context: TokenContext): Promise<string> => {
    let given: string | null;
    try {
      given = await (token as TokenSource)(context);
    } catch (cause) {
      throw createFailure(CLOSE_NETWORK, 'token', `token: ${cause}`, { cause });
    }
    if (given === null) throw createFailure(CLOSE_NORMAL, 'logged_out');
    if (!JWT.test(given)) throw createFailure(CLOSE_NETWORK, 'token', 'no JWT');
    return given;
  };

  return {
    canChange: typeof token === 'function',
    async get(reason) {
      if (typeof token !== 'function') return token ?? undefined;
      if (!call) {
        const stop = new AbortController();
        const answer = new Promise<string>((resolve, reject) => {
          // A function need not listen to its signal.
          stop.signal.addEventListener('abort', () => reject(createTimeout('token')));
          ask({ reason, signal: stop.signal }).then(resolve, reject);
        });
        const mine = { answer, stop };
        call = mine;
        timers.set(expire, TOKEN_LIMIT_MS);
        // Its failure is nothing to keep for later; its success is.
        mine.answer.catch(() => call === mine && forget());
      }
      const mine = call;
      const answer = await mine.answer;
      if (call === mine) forget();
      return answer;
    },
    close: expire,
  };
};
