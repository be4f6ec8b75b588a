// The lease on the queue: one process has it at a time, and works only while it is sure to have it.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../../lib/logger.js';
import type { RedisConnection } from '../redis/connection.js';
import { MENDED_KEY } from '../redis/server-words.js';

/** Specified: how long after its holder's death another one takes over. */
const LEASE_MS = 5_000;
/** Chosen: the lease is renewed when it is this old, and not worked under once it is `LEASE_MS - LEASE_MARGIN_MS` old. */
const RENEW_MS = 1_000;
const LEASE_MARGIN_MS = 1_000;

export class Lease {
  readonly #connection: Pick<RedisConnection, 'call'>;
  readonly #keys: readonly [string];
  readonly #logger: Logger;
  /** Names the process too, for the operator who looks at the lease. */
  readonly #holder = `${hostname()} ${process.pid} ${randomUUID()}`;
  /** When the lease was asked for that we have, in `performance.now()`; it goes on while the process is stopped. */
  #heldSinceMs = Number.NEGATIVE_INFINITY;

  constructor(connection: Pick<RedisConnection, 'call'>, key: string, logger: Logger) {
    this.#connection = connection;
    this.#keys = [key];
    this.#logger = logger;
  }

  /** Whether it is ours, and will be for as long as a step may take. */
  get isHeld(): boolean {
    return performance.now() - this.#heldSinceMs < LEASE_MS - LEASE_MARGIN_MS;
  }

  /** Takes or renews it; answers 0, or for how long another one has it. */
  async hold(): Promise<number> {
    const askedAtMs = performance.now();
    if (askedAtMs - this.#heldSinceMs < RENEW_MS) return 0;
    const answer = Number(await this.#connection.call('read', 'ingest_hold', this.#keys, [this.#holder, LEASE_MS]));
    if (answer === -1) this.#logger.warn({ key: this.#keys[0] }, MENDED_KEY);
    // Of a library that is none of ours it may be anything.
    const waitMs = Number.isFinite(answer) ? Math.min(LEASE_MS, Math.max(0, answer)) : LEASE_MS;
    this.#heldSinceMs = waitMs === 0 ? askedAtMs : Number.NEGATIVE_INFINITY;
    return waitMs;
  }

  /** Gives it up before it lapses. */
  async release(): Promise<void> {
    this.#heldSinceMs = Number.NEGATIVE_INFINITY;
    await this.#connection.call('read', 'ingest_release', this.#keys, [this.#holder]);
  }
}
