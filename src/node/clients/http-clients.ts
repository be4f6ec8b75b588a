// What a node remembers of clients that come by HTTP: a bounded soft cache by connection id. Losing it may cost a limit, never a message.

import { createHash } from 'node:crypto';
import type { Identity } from '../../auth/identity.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import type { Offset } from '../../protocol/index.js';
import type { PushNodeOptions } from '../node-options.js';
import { CommandBudget, type NamedLimit } from './budget.js';

const MAX_CLIENTS = 50_000;
/** A client counts as a connection for so long after its last poll. */
const SEEN_FOR_MS = 60_000;
const SWEEP_EVERY_MS = 5_000;

/** Where a request comes from, when its identity does not say. */
export interface Caller {
  readonly remoteAddress: string;
  bearer(): string | undefined;
}

/** A channel, and the position after which it goes on. */
export interface FollowUp {
  readonly channel: string;
  readonly offset: Offset;
}

/** One client that polls, streams or publishes by HTTP. */
export class HttpClient {
  /** Whether the key is this client's alone, and not an address or a token that several may share. */
  readonly isExclusive: boolean;
  readonly reads: CommandBudget;
  readonly #publishLimit: NamedLimit;
  #publishes: CommandBudget | undefined;
  seenAtMs = 0;
  /** The poll that waits; a newer one of an exclusive client takes its place. */
  waiting: { supersede(): void } | undefined;
  /** Where the last answer left off with more to come: the poll that goes on there is free. */
  more: FollowUp | undefined;

  constructor(isExclusive: boolean, reads: NamedLimit, publishes: NamedLimit) {
    this.isExclusive = isExclusive;
    this.reads = new CommandBudget(reads);
    this.#publishLimit = publishes;
  }

  get publishes(): CommandBudget {
    this.#publishes ??= new CommandBudget(this.#publishLimit);
    return this.#publishes;
  }
}

export class HttpClients {
  readonly #reads: NamedLimit;
  readonly #publishes: NamedLimit;
  /** Least recently seen first. */
  readonly #byKey = new Map<string, HttpClient>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor({ pollRate, commandRate }: PushNodeOptions) {
    this.#reads = { name: 'reads', config: pollRate };
    this.#publishes = { name: 'publishes', config: commandRate };
  }

  /** Clients seen in the last minute. */
  get size(): number {
    return this.#byKey.size;
  }

  start(): void {
    this.stop();
    this.#sweeper = setInterval(() => this.#sweep(monotonicNowMs()), SWEEP_EVERY_MS);
    this.#sweeper.unref();
  }

  stop(): void {
    clearInterval(this.#sweeper);
  }

  /** The client that makes this call: by its ticket's connection id, else its token, else its address. */
  see(identity: Identity, caller: Caller, nowMs: number): HttpClient {
    const key = identity.connection ?? sharedKey(caller);
    let client = this.#byKey.get(key);
    if (client === undefined) {
      if (this.#byKey.size >= MAX_CLIENTS) this.#forgetOldest();
      client = new HttpClient(identity.connection !== undefined, this.#reads, this.#publishes);
    } else if (nowMs - client.seenAtMs < 1_000) return client;
    else this.#byKey.delete(key);
    client.seenAtMs = nowMs;
    this.#byKey.set(key, client);
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

function sharedKey(caller: Caller): string {
  const bearer = caller.bearer();
  if (bearer === undefined) return `ip:${caller.remoteAddress}`;
  return createHash('sha256').update(bearer).digest('base64');
}
