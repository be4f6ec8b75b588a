// What a node remembers of clients that come by HTTP: a bounded soft cache. Losing it may cost a free poll, never a message.

import { monotonicNowMs } from '../../lib/clocks.js';
import { every } from '../../lib/timers.js';
import type { Offset } from '../../protocol/index.js';
import type { Visitor } from './visitor.js';

const MAX_CLIENTS = 50_000;
/** A client counts as a connection for so long after its last request. */
const SEEN_FOR_MS = 60_000;
const SWEEP_EVERY_MS = 5_000;

/** A channel, and the position after which it goes on. */
export interface FollowUp {
  readonly channel: string;
  readonly offset: Offset;
}

/** One client that polls, streams or publishes by HTTP. */
export class HttpClient {
  /** Whether it is one client, and not an address or a token that several may share. */
  readonly isExclusive: boolean;
  seenAtMs = 0;
  /** The poll that waits; a newer one of an exclusive client takes its place. */
  waiting: { supersede(): void } | undefined;
  /** Where the last answer left off with more to come: the poll that goes on there is free. */
  more: FollowUp | undefined;

  constructor(isExclusive: boolean) {
    this.isExclusive = isExclusive;
  }
}

export class HttpClients {
  /** Least recently seen first. */
  readonly #byKey = new Map<string, HttpClient>();
  #sweeper: NodeJS.Timeout | undefined;

  /** Clients seen in the last minute. */
  get size(): number {
    return this.#byKey.size;
  }

  start(): void {
    this.stop();
    this.#sweeper = every(SWEEP_EVERY_MS, () => this.#sweep(monotonicNowMs()));
    this.#sweeper.unref();
  }

  stop(): void {
    clearInterval(this.#sweeper);
  }

  /** The client that this is. */
  see({ ticket, isExclusive }: Pick<Visitor, 'ticket' | 'isExclusive'>, nowMs: number): HttpClient {
    let client = this.#byKey.get(ticket);
    if (client === undefined) {
      if (this.#byKey.size >= MAX_CLIENTS) this.#forgetOldest();
      client = new HttpClient(isExclusive);
    } else if (nowMs - client.seenAtMs < 1_000) return client;
    else this.#byKey.delete(ticket);
    client.seenAtMs = nowMs;
    this.#byKey.set(ticket, client);
    return client;
  }

  #sweep(nowMs: number): void {
    for (const [key, client] of this.#byKey) {
      if (nowMs - client.seenAtMs < SEEN_FOR_MS) return;
      if (client.waiting === undefined) this.#byKey.delete(key);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#byKey.keys().next();
    if (!oldest.done) this.#byKey.delete(oldest.value);
  }
}
