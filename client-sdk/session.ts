// Holds what discovery gives: a node, alternatives, and a ticket that it keeps fresh.

import type { ConnectResponse, NodeAddress, PATHS, Transport } from '../src/protocol/index.js';
import type { CacheState } from './cache.js';
import { createFailure, createTimeout, type Failure, toFailure } from './errors.js';
import { post } from './http.js';
import {
  CLOSE_NETWORK,
  CLOSE_NORMAL,
  CLOSE_UNAUTHORIZED,
  DISCOVERY_LIMIT_MS,
  MIN_RENEW_MS,
  RENEW_AT,
} from './numbers.js';
import { createSecret } from './secret.js';
import type { Settings } from './settings.js';
import { createTokens } from './token-source.js';
import type { TokenContext } from './types.js';

/** Discovery's last answer, with the ticket renewed since. */
export type Given = CacheState &
  Pick<ConnectResponse, 'ticket' | 'transports' | 'node' | 'connection' | 'user'> & {
    /** As much as a poll asks for, since the network has cut a longer answer. */
    maxBytes?: number | undefined;
  };

export interface Session {
  readonly state: Given;
  /** Whether a token that was refused may be followed by a better one. */
  readonly canHeal: boolean;
  /**
   * Asks for a node; without discovery, or while the source of tokens fails, the next of those that it gave last will do while the ticket
   * lasts. Rejects with a `Failure`; does neither once it was asked again or stopped.
   */
  connect(exclude: readonly string[]): Promise<NodeAddress>;
  /** What `connect` gave did not work: the node will be the last to try again. */
  lost(): void;
  /** The ticket is not good any more. */
  spoil(): void;
  /** Forgets the question on its way. */
  drop(): void;
  /** And the call for a token, and the ticket. */
  close(): void;
}

/** `renewed`: there is a fresh ticket. `failed`: something failed that is tried again, or the user is logged out. */
export const createSession = (
  settings: Settings,
  transports: readonly Transport[],
  renewed: () => void,
  failed: (failure: Failure) => void,
): Session => {
  const { url, fetch, clock, timers } = settings;
  const now = clock.monotonic;
  const tokens = createTokens(settings);
  const given = { alternatives: [] as NodeAddress[] } as {
    -readonly [Key in keyof ConnectResponse]: ConnectResponse[Key];
  } & {
    alternatives: NodeAddress[];
  };
  let expiresAtMs = 0;
  /** Who the client is, until it is closed. */
  let user: string | null | undefined;
  let isRefused = false;
  /** Made with the first question: some hosts have no randomness before that. */
  let session: string | undefined;
  /** What the question on its way waits for. */
  let waitsFor = '';
  /** The question on its way. */
  let asking: AbortController | undefined;

  const request = async (path: string, reason: TokenContext['reason'], body: object, { signal }: AbortController) => {
    waitsFor = 'token';
    const bearer = await tokens.get(isRefused ? 'refused' : reason);
    if (signal.aborted) return;
    waitsFor = url + path;
    const response = await post(fetch, url + path, bearer, body, signal);
    const answer = (await response.json()) as Partial<ConnectResponse>;
    const { ticket, expiresInMs = -1, node, transports } = answer;
    // It was taken within the tolerance of clocks, and makes no ticket that lasts.
    if (ticket && !expiresInMs) throw createFailure(CLOSE_UNAUTHORIZED, 'token_expired');
    // What is subscribed to, and what waits to be published, is the other's.
    if (user !== undefined && answer.user !== undefined && answer.user !== user)
      throw createFailure(CLOSE_NORMAL, 'user_changed');
    // Such as a captive portal's.
    if (!ticket || !(expiresInMs > 0) || (reason === 'connect' && !(node?.url && transports))) throw 'not discovery';
    if (signal.aborted) return;
    Object.assign(given, answer, { alternatives: answer.alternatives ?? given.alternatives });
    user = answer.user;
    expiresAtMs = now() + expiresInMs;
    isRefused = false;
  };

  const ask = async (path: string, reason: TokenContext['reason'], body: object) => {
    drop();
    const mine = new AbortController();
    asking = mine;
    session ??= settings.secret ?? createSecret();
    timers.set(tick, DISCOVERY_LIMIT_MS);
    try {
      // Whatever hangs, the application's function or its `fetch`, is not waited for.
      await new Promise<void>((resolve, reject) => {
        mine.signal.onabort = () => reject(createTimeout(waitsFor));
        request(path, reason, { ...body, session }, mine).then(resolve, reject);
      });
    } catch (error) {
      const failure = toFailure(error, url + path);
      isRefused ||= failure.close === CLOSE_UNAUTHORIZED;
      throw failure;
    } finally {
      // Nobody waits for this answer any more.
      if (asking !== mine) await new Promise(() => {});
      asking = undefined;
      timers.set(tick, Math.max(MIN_RENEW_MS, (expiresAtMs - now()) * RENEW_AT));
    }
  };

  const isGood = () => expiresAtMs > now();

  /** The limit of a question, else the time to renew. */
  const tick = () => {
    if (asking) asking.abort();
    else if (isGood()) ask('/v1/ticket' satisfies (typeof PATHS)['ticket'], 'renew', {}).then(renewed, failed);
  };

  const drop = () => {
    asking?.abort();
    asking = undefined;
  };

  const spoil = () => {
    expiresAtMs = 0;
  };

  return {
    state: given,
    canHeal: tokens.canChange,
    async connect(exclude) {
      try {
        await ask('/v1/connect' satisfies (typeof PATHS)['connect'], 'connect', { exclude, transports });
      } catch (error) {
        const failure = error as Failure;
        const isHealing = failure.close === CLOSE_NETWORK || (tokens.canChange && failure.close === CLOSE_UNAUTHORIZED);
        if (!isHealing || !isGood()) throw failure;
        failed(failure);
      }
      return given.node;
    },
    lost() {
      given.alternatives.push(given.node);
      given.node = given.alternatives.shift() as NodeAddress;
    },
    spoil,
    drop,
    close() {
      drop();
      tokens.close();
      // Whoever opens the client again may be another user.
      spoil();
      user = undefined;
    },
  };
};
