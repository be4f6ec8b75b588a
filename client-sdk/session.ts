// Holds what discovery gives: a node, alternatives, and a ticket that it keeps fresh.

import type { ConnectResponse, NodeAddress, PATHS, Transport } from '../src/protocol/index.js';
import { type Failure, toFailure } from './errors.js';
import { post } from './http.js';
import { CLOSE_NETWORK, CLOSE_UNAUTHORIZED, DISCOVERY_LIMIT_MS, MIN_RENEW_MS, RENEW_AT } from './numbers.js';
import type { Settings } from './settings.js';

/** Discovery's last answer, with the ticket renewed since. */
export type Given = Pick<ConnectResponse, 'ticket' | 'transports'>;

export interface Session {
  readonly state: Given;
  /**
   * Asks for a node; without discovery, the next of those that it gave last will do while the ticket lasts.
   * Rejects with a `Failure`; does neither once it was asked again or stopped.
   */
  connect(exclude: readonly string[]): Promise<NodeAddress>;
  /** What `connect` gave did not work: the node will be the last to try again, a ticket that was refused not at all. */
  lost(failure: Failure): void;
  /** Forgets the question on its way. */
  close(): void;
}

/** `renewed`: there is a fresh ticket. `failed`: something failed that is tried again. */
export const createSession = (
  { url, token, fetch, clock: { now }, timers }: Settings,
  transports: readonly Transport[],
  renewed: () => void,
  failed: (failure: Failure) => void,
): Session => {
  const given = { alternatives: [] as NodeAddress[] } as {
    -readonly [Key in keyof ConnectResponse]: ConnectResponse[Key];
  } & {
    alternatives: NodeAddress[];
  };
  let expiresAtMs = 0;
  /** By which discovery knows this client again; about 120 random bits, and not `random`'s: nobody may guess it. */
  const session = Array.from(crypto.getRandomValues(new Uint8Array(24)), (byte) => (byte % 36).toString(36)).join('');
  /** The question on its way. */
  let asking: AbortController | undefined;

  const ask = async (path: string, body: object) => {
    const mine = new AbortController();
    asking?.abort();
    asking = mine;
    timers.set(tick, DISCOVERY_LIMIT_MS);
    try {
      const bearer = typeof token === 'function' ? await token() : token;
      const response = await post(fetch, url + path, bearer, body, mine.signal);
      Object.assign(given, await response.json());
      expiresAtMs = now() + given.expiresInMs;
    } catch (error) {
      throw toFailure(error);
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
    else if (isGood()) ask('/v1/ticket' satisfies (typeof PATHS)['ticket'], { session }).then(renewed, failed);
  };

  return {
    state: given,
    async connect(exclude) {
      try {
        await ask('/v1/connect' satisfies (typeof PATHS)['connect'], { exclude, transports, session });
      } catch (error) {
        const failure = error as Failure;
        if (failure.close !== CLOSE_NETWORK || !isGood()) throw failure;
        failed(failure);
      }
      return given.node;
    },
    lost({ close }) {
      given.alternatives.push(given.node);
      given.node = given.alternatives.shift() as NodeAddress;
      if (close === CLOSE_UNAUTHORIZED) expiresAtMs = 0;
    },
    close() {
      asking?.abort();
      asking = undefined;
    },
  };
};
