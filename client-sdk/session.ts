// Holds what discovery gives: nodes, and a ticket that it keeps fresh.

import type { ConnectResponse, NodeAddress, PATHS, Transport } from '../src/protocol/index.js';
import { CLOSE_NETWORK, CLOSE_TOKEN_EXPIRED, CLOSE_UNAUTHORIZED, type Failure, toFailure } from './errors.js';
import { post } from './http.js';
import type { Settings } from './settings.js';
import { createTimers } from './timers.js';

const CONNECT_PATH: (typeof PATHS)['connect'] = '/v1/connect';
const TICKET_PATH: (typeof PATHS)['ticket'] = '/v1/ticket';
/** Discovery's answer takes no longer. */
const LIMIT_MS = 10_000;
/** A ticket is renewed after this part of its life, and again after this part of what is left. */
const RENEW_AT = 0.8;
const MIN_RENEW_MS = 1_000;

export interface Session {
  /**
   * Asks for a node; without discovery, the next of those that it gave last will do while the ticket lasts.
   * Rejects with whatever failed: see `toFailure`.
   */
  find(exclude: readonly string[]): Promise<NodeAddress>;
  /** The transports that discovery named last. */
  transports(): readonly Transport[];
  ticket(): string;
  /** What `find` gave did not work: the node will be the last to try again, a ticket that was refused not at all. */
  blame(failure: Failure): void;
  close(): void;
}

/** `renewed`: there is a fresh ticket. `failed`: something failed that is tried again. */
export function createSession(
  { url, token, fetch, clock }: Settings,
  wanted: readonly Transport[],
  renewed: () => void,
  failed: (failure: Failure) => void,
): Session {
  const timers = createTimers(clock);
  let nodes: NodeAddress[] = [];
  let transports = wanted;
  let ticket: string;
  let expiresAtMs = 0;
  let asking: AbortController | undefined;

  /** One question at a time: the newer ends the older. */
  const ask = async (path: string, body: object): Promise<ConnectResponse> => {
    asking?.abort();
    const mine = new AbortController();
    const { signal } = mine;
    asking = mine;
    timers.set(0, LIMIT_MS, () => mine.abort());
    try {
      const bearer = typeof token === 'function' ? await token() : token;
      const answer = await (await post(fetch, url + path, bearer, JSON.stringify(body), signal)).json();
      signal.throwIfAborted();
      ticket = answer.ticket;
      expiresAtMs = clock.now() + answer.expiresInMs;
      return answer;
    } finally {
      if (asking === mine) timers.set(0, Math.max(MIN_RENEW_MS, (expiresAtMs - clock.now()) * RENEW_AT), renew);
    }
  };

  const renew = () => {
    if (isGood()) ask(TICKET_PATH, {}).then(renewed, (error) => failed(toFailure(error)));
  };

  const isGood = () => expiresAtMs > clock.now();

  return {
    async find(exclude) {
      try {
        const answer = await ask(CONNECT_PATH, { exclude, transports: wanted });
        nodes = [answer.node, ...answer.alternatives];
        transports = answer.transports;
      } catch (error) {
        const failure = toFailure(error);
        if (failure.close !== CLOSE_NETWORK || !isGood()) throw failure;
        failed(failure);
      }
      return nodes[0] as NodeAddress;
    },
    transports: () => transports,
    ticket: () => ticket,
    blame({ close }) {
      nodes.push(...nodes.splice(0, 1));
      if (close === CLOSE_UNAUTHORIZED || close === CLOSE_TOKEN_EXPIRED) expiresAtMs = 0;
    },
    close() {
      asking?.abort();
      asking = undefined;
      timers.clearAll();
    },
  };
}
