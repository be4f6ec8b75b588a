// The way in by HTTP: what a poll, a stream and a publish are asked, in one order.

import type { Identity } from '../../auth/identity.js';
import type { Namespaces } from '../../config/namespaces.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Decoded } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import { requireRead } from '../clients/access.js';
import type { HttpClient, HttpClients } from '../clients/http-clients.js';
import { Visitor } from '../clients/visitor.js';
import type { HttpCall } from './call.js';

/** Who has come in, and with what. */
export interface Entrant<T> {
  readonly call: HttpCall;
  readonly identity: Identity;
  readonly client: HttpClient;
  readonly request: T;
}

/** What one of the doors asks. */
export interface EntryRules<T> {
  readonly limit: 'reads' | 'publishes';
  /** What whoever shows no token is told; without it everybody may ask. */
  readonly tokenMissing?: string;
  /** Units that are spent before the body is read. */
  readonly unit: number;
  readonly decode: (body: string) => Decoded<T>;
  /** The channels that are to be read. */
  readonly reads: (request: T) => Iterable<string>;
  /** Units that the request costs, once it is known; throws where it can never pass. */
  readonly price: (request: T, client: HttpClient) => number;
  /** Whether it becomes a link, which needs a place. */
  readonly takesRoom: boolean;
  /** Whether the client stays with this node, so that its reservation is taken up. */
  readonly claims: boolean;
}

export interface EntryParts {
  readonly admission: Admission;
  readonly clients: HttpClients;
  readonly namespaces: Namespaces;
}

/** The origin has been asked for every request, and nodes count nobody by address yet; here is the rest. */
export class Entry {
  readonly #parts: EntryParts;

  constructor(parts: EntryParts) {
    this.#parts = parts;
  }

  /** Calls `open`, which may throw, with who has come in; whoever has not is answered. */
  enter<T>(call: HttpCall, rules: EntryRules<T>, open: (entrant: Entrant<T>) => void): void {
    this.#identify(call, (identity) => this.#admit(call, new Visitor(identity, call), rules, open));
  }

  /** Calls back at once where a ticket can be verified at once. */
  #identify(call: HttpCall, then: (identity: Identity) => void): void {
    try {
      const verdict = this.#parts.admission.identify(call.bearer());
      if (!(verdict instanceof Promise)) return then(verdict);
      verdict
        .then((identity) => {
          if (!call.exchange.aborted) then(identity);
        })
        .catch((error: unknown) => call.fail(error));
    } catch (error) {
      call.fail(error);
    }
  }

  #admit<T>(call: HttpCall, visitor: Visitor, rules: EntryRules<T>, open: (entrant: Entrant<T>) => void): void {
    const { identity } = visitor;
    if (rules.tokenMissing !== undefined && identity.kind === 'anonymous') {
      throw new FanfareError('token_missing', rules.tokenMissing);
    }
    const { admission, clients, namespaces } = this.#parts;
    if (rules.unit > 0) {
      const nowMs = monotonicNowMs();
      clients.see(visitor, nowMs);
      admission[rules.limit].spend(visitor, rules.unit, nowMs);
    }
    call.readJson((body) => {
      const request = decoded(rules.decode(body));
      requireRead(identity, rules.reads(request), namespaces);
      const nowMs = monotonicNowMs();
      const client = clients.see(visitor, nowMs);
      const price = rules.price(request, client);
      if (price > 0) admission[rules.limit].spend(visitor, price, nowMs);
      if (rules.takesRoom) admission.requireRoom();
      if (call.exchange.aborted) return;
      if (rules.claims) admission.claim(identity);
      call.exchange.admit();
      open({ call, identity, client, request });
    });
  }
}

/** What was decoded; throws what is wrong with it. */
export function decoded<T>(result: Decoded<T>): T {
  if (!result.ok) throw new FanfareError(result.problem.code, result.problem.message);
  return result.value;
}
