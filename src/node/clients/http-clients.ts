// What a node remembers of clients that come by HTTP: a bounded soft cache. Losing it may cost a free poll, never a message.

import { steadyUnixMs } from '../../lib/clocks.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import type { Offset } from '../../protocol/index.js';
import type { Visitor } from './visitor.js';

const MAX_CLIENTS = 50_000;
/** A client is remembered for so long after its last request. */
const SEEN_FOR_MS = 60_000;
const SWEEP_EVERY_MS = 5_000;

/** Channels that had more, and where each of them goes on. */
export type FollowUps = ReadonlyMap<string, Offset>;

/** The polls of one user, or of one address of those who have no name. */
export class Poller {
  /** Clients that are remembered. */
  clients = 0;
  waiting = 0;
}

/** One client that polls, streams or publishes by HTTP, under the names by which limits count it. */
export class HttpClient implements SubjectKeys {
  readonly ticket: string;
  readonly user: string;
  /** Whether it is one client, and not an address or a token that several may share. */
  readonly isExclusive: boolean;
  seenAtMs = 0;
  /** The poll that waits; a newer one of an exclusive client takes its place. */
  waiting: { supersede(): void } | undefined;
  /** What the last answer left off with: the poll that goes on there, and names nothing else, is free. */
  more: FollowUps | undefined;
  /** Whether its reservation has been taken up. */
  hasClaimed = false;
  /** Once it has polled. Kept by the owner of all clients. */
  poller: Poller | undefined;

  constructor({ ticket, user, isExclusive }: Pick<Visitor, 'ticket' | 'user' | 'isExclusive'>) {
    this.ticket = ticket;
    this.user = user;
    this.isExclusive = isExclusive;
  }
}

export class HttpClients {
  /** Least recently seen first. */
  readonly #byKey = new Map<string, HttpClient>();
  /** By user. */
  readonly #pollers = new Map<string, Poller>();
  #sweeper: PeriodicTask | undefined;
  /**
   * Connections that polls stand for between two of them: one for each user, or address of those who have no name, of whom no poll
   * waits now and some client polled lately. Whoever polls once with each of many tickets is one.
   */
  idlePollers = 0;

  /** Clients seen in the last minute. */
  get size(): number {
    return this.#byKey.size;
  }

  start(): void {
    this.stop();
    this.#sweeper = periodically(SWEEP_EVERY_MS, () => this.#sweep(steadyUnixMs())).unref();
  }

  stop(): void {
    this.#sweeper?.stop();
  }

  /** The client that this is. By the steady clock. */
  see(visitor: Visitor, nowMs: number): HttpClient {
    const { ticket } = visitor;
    let client = this.#byKey.get(ticket);
    if (client === undefined) {
      if (this.#byKey.size >= MAX_CLIENTS) this.#forgetOldest();
      client = new HttpClient(visitor);
    } else if (nowMs - client.seenAtMs < 1_000) return client;
    else this.#byKey.delete(ticket);
    client.seenAtMs = nowMs;
    this.#byKey.set(ticket, client);
    return client;
  }

  /** It polls. */
  polls(client: HttpClient): void {
    if (client.poller !== undefined || this.#byKey.get(client.ticket) !== client) return;
    let poller = this.#pollers.get(client.user);
    if (poller === undefined) {
      poller = new Poller();
      this.#pollers.set(client.user, poller);
      this.idlePollers++;
    }
    poller.clients++;
    client.poller = poller;
  }

  /** A poll of it begins to wait. Every one is owed an {@link endWait} with what this answers. */
  beginWait({ poller }: HttpClient): Poller | undefined {
    if (poller === undefined) return undefined;
    if (poller.waiting === 0) this.idlePollers--;
    poller.waiting++;
    return poller;
  }

  endWait(poller: Poller | undefined): void {
    if (poller === undefined) return;
    poller.waiting--;
    if (poller.waiting === 0 && poller.clients > 0) this.idlePollers++;
  }

  #sweep(nowMs: number): void {
    for (const client of this.#byKey.values()) {
      if (nowMs - client.seenAtMs < SEEN_FOR_MS) return;
      if (client.waiting === undefined) this.#forget(client);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#byKey.values().next();
    if (!oldest.done) this.#forget(oldest.value);
  }

  #forget(client: HttpClient): void {
    this.#byKey.delete(client.ticket);
    const { poller } = client;
    if (poller === undefined) return;
    client.poller = undefined;
    poller.clients--;
    if (poller.clients > 0) return;
    this.#pollers.delete(client.user);
    if (poller.waiting === 0) this.idlePollers--;
  }
}
