// The way in by HTTP: what a poll, a stream and a publish are asked, in one order.

import type { Identity } from '../../auth/identity.js';
import type { Namespaces } from '../../config/namespaces.js';
import { steadyUnixMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import { textPrice } from '../../limits/byte-price.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import { type Decoded, LIMITS } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import type { Channels } from '../channels/channels.js';
import { readersOf, requireAnyPublish, requireRead } from '../clients/access.js';
import type { FollowUps, HttpClient, HttpClients } from '../clients/http-clients.js';
import { Visitor } from '../clients/visitor.js';
import type { HttpCall } from './call.js';

/** Who has come in, and with what. */
export interface Entrant<T> {
  readonly call: HttpCall;
  readonly identity: Identity;
  readonly client: HttpClient;
  /** By which limits count it. */
  readonly keys: SubjectKeys;
  readonly request: T;
  /** Units that it has paid. */
  readonly paid: number;
}

/** What one of the doors asks. */
export interface EntryRules<T> {
  /** Of it what the body's length costs is spent before it is read; one unit of that counts towards the price. It also says what has to be granted. */
  readonly limit: 'polls' | 'publishes';
  /** What whoever shows no token is told; without it everybody may ask. */
  readonly tokenMissing?: string;
  /** What the client may go on with for nothing; asked once for each request, which then spends no unit beforehand. */
  readonly takeOwed: (client: HttpClient) => FollowUps | undefined;
  /** Where what it asks for stands. */
  readonly source: 'body' | 'query';
  readonly decode: (text: string) => Decoded<T>;
  /** The channels that are to be read. */
  readonly reads: (request: T) => Iterable<string>;
  /** Units that the request costs, once it is known; throws where it can never pass. */
  readonly price: (request: T, owed: FollowUps | undefined) => number;
  /** Whether it opens this one of them where nobody has. */
  readonly opens: (request: T, channel: string) => boolean;
  /** Whether it becomes a link, which needs a place. */
  readonly takesRoom: boolean;
  /** Whether it does something that has to be answered, and soon: nothing behind it is read before. */
  readonly holds: boolean;
}

export interface EntryParts {
  readonly admission: Admission;
  readonly clients: HttpClients;
  readonly channels: Pick<Channels, 'has'>;
  readonly namespaces: Namespaces;
  /** Of any request. */
  readonly maxBodyBytes: number;
}

/** The origin has been asked for every request, and without a token the address is what the limits count; here is the rest. */
export class Entry {
  readonly #parts: EntryParts;
  readonly #requireReader: (identity: Identity) => void;
  readonly #maxBodyBytes: Readonly<Record<EntryRules<unknown>['limit'], number>>;

  constructor(parts: EntryParts) {
    this.#parts = parts;
    this.#requireReader = readersOf(parts.namespaces);
    const publishes = parts.maxBodyBytes;
    this.#maxBodyBytes = { publishes, polls: Math.min(publishes, LIMITS.maxReadBodyBytes) };
  }

  /** Of a request that is not asked for its limits. */
  get maxBodyBytes(): number {
    return this.#parts.maxBodyBytes;
  }

  /** Calls `open`, which may throw, with who has come in; whoever has not is answered. */
  enter<T>(call: HttpCall, rules: EntryRules<T>, open: (entrant: Entrant<T>) => void): void {
    this.#identify(call, (identity) => this.#admit(call, identity, rules, open));
  }

  /** Calls back at once where a ticket can be verified at once. */
  #identify(call: HttpCall, then: (identity: Identity) => void): void {
    try {
      const verdict = this.#parts.admission.identify(call.bearer());
      if (!(verdict instanceof Promise)) return then(verdict);
      verdict
        .then((identity) => {
          if (call.exchange.aborted) return;
          // What was revoked since the verdict ended the links that there were then: nothing else would end this one.
          this.#parts.admission.requireGood(identity);
          then(identity);
        })
        .catch((error: unknown) => call.fail(error));
    } catch (error) {
      call.fail(error);
    }
  }

  #admit<T>(call: HttpCall, identity: Identity, rules: EntryRules<T>, open: (entrant: Entrant<T>) => void): void {
    if (rules.tokenMissing !== undefined && identity.kind === 'anonymous') {
      throw new FanfareError('token_missing', rules.tokenMissing);
    }
    const { admission, clients } = this.#parts;
    const limit = admission[rules.limit];
    const heldAtMs = admission.nowMs();
    const client = clients.see(new Visitor(identity, call), steadyUnixMs());
    const keys = admission.needsAddress ? withAddress(client, call.address) : client;
    const owed = rules.takeOwed(client);
    const maxBodyBytes = this.#maxBodyBytes[rules.limit];
    const length = rules.source === 'body' ? Number(call.exchange.header('content-length') ?? 0) : 0;
    const announced = Math.min(length, maxBodyBytes);
    const held = textPrice(announced, limit.limit.config);
    if (owed === undefined) limit.spend(keys, held, heldAtMs);
    if (rules.takesRoom) admission.requireRoom();
    this.#requireHope(rules.limit, identity);
    // It may take a while until the body is here.
    let isLater = false;
    const take = (text: string) => {
      const more = textPrice(text.length, limit.limit.config) - held;
      if (more > 0) limit.spend(keys, more, admission.nowMs());
      const request = decoded(rules.decode(text));
      requireRead(identity, rules.reads(request), this.#parts.namespaces);
      const price = rules.price(request, owed);
      const nowMs = admission.nowMs();
      if (owed === undefined) limit.settle(keys, price, heldAtMs, nowMs);
      else if (price > 0) limit.spend(keys, price, nowMs);
      if (price > 0) this.#payOpenings(keys, request, rules, nowMs);
      if (call.exchange.aborted) return;
      if (isLater) admission.requireGood(identity);
      if (isLater && rules.takesRoom) admission.requireRoom();
      this.#claim(client, identity);
      call.letIn(identity);
      open({ call, identity, client, keys, request, paid: price });
    };
    if (rules.source === 'query') take(call.exchange.query);
    else call.readJson(maxBodyBytes, take, rules.holds);
    isLater = true;
  }

  /** Throws where nothing that the body may say could be granted: it need not be read then. */
  #requireHope(limit: EntryRules<unknown>['limit'], identity: Identity): void {
    if (limit === 'polls') this.#requireReader(identity);
    else requireAnyPublish(identity, this.#parts.namespaces);
  }

  /** Who goes on for nothing has paid before. Who reads what nobody has open pays nothing here, and may owe for what it has opened by that. */
  #payOpenings<T>(client: SubjectKeys, request: T, rules: EntryRules<T>, nowMs: number): void {
    const { admission, channels } = this.#parts;
    const closed = [...rules.reads(request)].filter((name) => !channels.has(name));
    const count = closed.filter((name) => rules.opens(request, name)).length;
    if (closed.length > 0) admission.openings.spend(client, count, nowMs);
  }

  /** Once for each client: whoever polls again has no other place. */
  #claim(client: HttpClient, identity: Identity): void {
    if (client.hasClaimed) return;
    client.hasClaimed = true;
    this.#parts.admission.claim(identity);
  }
}

/** A client that limits count by its address, too. */
function withAddress({ ticket, user }: HttpClient, address: string): SubjectKeys {
  return { ticket, user, address };
}

/** What was decoded; throws what is wrong with it. */
export function decoded<T>(result: Decoded<T>): T {
  if (result.ok) return result.value;
  const { code, message, channel } = result.problem;
  throw new FanfareError(code, message, channel === undefined ? {} : { channels: [channel] });
}

/** A tenth of a unit for each channel. Throws `too_many_channels`. */
export function priceOf(channels: ReadonlyMap<string, unknown>, channelsPerConnection: number): number {
  if (channels.size <= channelsPerConnection) return channels.size / 10;
  throw new FanfareError('too_many_channels', `a poll or stream has at most ${channelsPerConnection} channels`);
}
