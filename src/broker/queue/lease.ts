// The lease on the queue: one process has it at a time, and works only while it is sure to have it.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { RedisConnection } from '../redis/connection.js';

/** Specified: how long after its holder's death another one takes over. */
const LEASE_MS = 5_000;
/** Chosen: the lease is renewed when it is this old, and not worked under once it is `LEASE_MS - LEASE_MARGIN_MS` old. */
const RENEW_MS = 1_000;
const LEASE_MARGIN_MS = 1_000;

export class Lease {
  readonly #connection: Pick<RedisConnection, 'call'>;
  readonly #keys: readonly [string];
  /** Names the process too, for the operator who looks at the lease. */
  readonly #holder = `${hostname()} ${process.pid} ${randomUUID()}`;
  /** When the lease was asked for that we have, in `performance.now()`; it goes on while the process is stopped. */
  #heldSinceMs = Number.NEGATIVE_INFINITY;

  constructor(connection: Pick<RedisConnection, 'call'>, key: string) {
    this.#connection = connection;
    this.#keys = [key];
  }

  /** Whether it is ours, and will be for as long as a step may take. */
  get isHeld(): boolean {
    return performance.now() - this.#heldSinceMs < LEASE_MS - LEASE_MARGIN_MS;
  }

  /** Takes or renews it; answers 0, or for how long another one has it. */
  async hold(): Promise<number> {
    const askedAtMs = performance.now();
    if (askedAtMs - this.#heldSinceMs < RENEW_MS) return 0;
    const waitMs = Number(await this.#connection.call('read', 'ingest_hold', this.#keys, [this.#holder, LEASE_MS]));
    this.#heldSinceMs = waitMs === 0 ? askedAtMs : Number.NEGATIVE_INFINITY;
    return waitMs;
  }

  /** Gives it up before it lapses. */
  async release(): Promise<void> {
    this.#heldSinceMs = Number.NEGATIVE_INFINITY;
    await this.#connection.call('read', 'ingest_release', this.#keys, [this.#holder]);
  }
}
