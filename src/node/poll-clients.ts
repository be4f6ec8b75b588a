// What a node remembers of clients that poll: a bounded soft cache by connection id. Losing it may cost a limit, never a message.

import { CommandBudget } from './command-budget.js';
import type { NodeContext } from './node-context.js';

const MAX_CLIENTS = 50_000;
/** A poll client counts as a connection for so long after its last poll. */
const SEEN_FOR_MS = 60_000;
const SWEEP_EVERY_MS = 5_000;

/** One client that polls. */
export class PollClient {
  readonly budget: CommandBudget;
  seenAtMs = 0;
  /** The poll that waits; a newer one takes its place. */
  waiting: { supersede(): void } | undefined;
  /** The last answer said that more was waiting: the next poll is free. */
  hasMore = false;

  constructor(budget: CommandBudget) {
    this.budget = budget;
  }
}

export class PollClients {
  readonly #context: Pick<NodeContext, 'newPollLimiter'>;
  /** Least recently seen first. */
  readonly #byKey = new Map<string, PollClient>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(context: Pick<NodeContext, 'newPollLimiter'>) {
    this.#context = context;
  }

  /** Clients seen in the last minute. */
  get size(): number {
    return this.#byKey.size;
  }

  start(): void {
    this.stop();
    this.#sweeper = setInterval(() => this.#sweep(Date.now()), SWEEP_EVERY_MS);
    this.#sweeper.unref();
  }

  stop(): void {
    clearInterval(this.#sweeper);
  }

  /** The client with this key, made when it is new. */
  see(key: string, nowMs: number): PollClient {
    let client = this.#byKey.get(key);
    if (client === undefined) {
      if (this.#byKey.size >= MAX_CLIENTS) this.#forgetOldest();
      client = new PollClient(new CommandBudget(this.#context.newPollLimiter()));
    } else if (nowMs - client.seenAtMs < 1_000) {
      return client;
    } else this.#byKey.delete(key);
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
