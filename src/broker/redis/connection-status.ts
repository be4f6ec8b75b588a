// What a connection to Redis says of itself: whether it can be used, why not, and what Redis refuses while it can.

import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import { contained } from '../../lib/timers.js';
import type { BrokerStatus } from '../broker.js';
import { isRefusal, toFanfareError, UnfitRedisError, unavailableError } from './errors.js';
import { hintOf, isVague, reasonOf } from './server-words.js';
import { tlsReason } from './tls-reason.js';
import type { RedisTarget } from './url.js';

/** Chosen: how long after a refusal Redis counts as full. One master of a Cluster may be, while the others store on. */
const FULL_MS = 10_000;
/** A Redis without TLS waits for the end of what it takes for a command. */
const NO_TLS_THERE = '; where that port does not speak TLS, write redis:// for rediss://';

export class ConnectionStatus {
  readonly #target: RedisTarget;
  readonly #logger: Logger;
  #status: BrokerStatus = { ready: false, sinceMs: Date.now(), detail: 'not started' };
  #closed = false;
  /** What the log says of the outage under way. */
  #told = '';
  /** What the last refusal to store something said, and when it came. */
  #full = { detail: '', atMs: Number.NEGATIVE_INFINITY };
  #isAsking = false;

  constructor(target: RedisTarget, logger: Logger) {
    this.#target = target;
    this.#logger = logger;
  }

  get ready(): boolean {
    return this.#status.ready;
  }

  get detail(): string {
    return this.#status.detail;
  }

  now(): BrokerStatus {
    return this.#status.ready && this.#isFull() ? { ...this.#status, detail: this.#full.detail } : this.#status;
  }

  /** It can be used. */
  stands(): void {
    if (!this.#status.ready) this.#status = { ready: true, sinceMs: Date.now(), detail: '' };
    if (this.#told !== '') this.#logger.info({ address: this.#target.address }, 'Redis can be used again');
    this.#told = '';
  }

  /** Redis refuses to store something: its memory or disk is full. Others are served; somebody should read it. */
  refused({ message }: FanfareError): void {
    const detail = `${message}: publishes are refused`;
    if (!this.#isFull()) this.#logger.warn({ address: this.#target.address }, detail);
    this.#full = { detail, atMs: monotonicNowMs() };
  }

  /** It cannot be used. Answers what a start is refused with, where waiting does not mend it; `undefined` where it may. */
  failed(failure: unknown): FanfareError | undefined {
    const error = hintOf(failure);
    const known = error instanceof FanfareError || isRefusal(error) ? toFanfareError(error, 'read') : undefined;
    const meaning = known?.message ?? 'Redis cannot be reached';
    const isTlsLate = this.#target.options.tls !== undefined && /ETIMEDOUT/.test(reasonOf(error));
    const words = error instanceof FanfareError ? '' : `: ${reasonOf(error)}${isTlsLate ? NO_TLS_THERE : ''}`;
    const detail = this.#placed(`${meaning}${words}`);
    // Once an outage and reason: while Redis is away, each attempt fails.
    if (this.#told !== meaning && !this.#closed) this.#logger.warn({ reason: reasonOf(error) }, detail);
    this.#told = meaning;
    const isUnexplained = isVague(error) && this.#target.options.tls !== undefined;
    if (isUnexplained) this.#askWhy();
    this.lost(detail, isUnexplained);
    if (known === undefined) return undefined;
    return known instanceof UnfitRedisError ? new UnfitRedisError(detail, failure) : unavailableError(detail);
  }

  /** A start waits for Redis, which somebody who looks on is told. */
  waits(timeoutMs: number): void {
    if (this.#status.ready || this.#closed) return;
    // Why not, where it has said so, stands in the log already.
    const reason = this.#told === '' ? ', which has not answered yet,' : '';
    this.#logger.warn(
      { timeoutMs },
      `waiting for Redis at ${this.#target.address}${reason} up to ${timeoutMs / 1_000} s`,
    );
  }

  /** `isVague` where `detail` says only that there is no connection. */
  lost(detail: string, isVague = false): void {
    if (this.#closed) return;
    // The reason that was found first tells more than the close that follows.
    const isVagueNow = isVague || detail.startsWith('the connection') || /Connection is closed/.test(detail);
    if (!this.#status.ready && this.#status.detail !== 'not started' && isVagueNow) return;
    const sinceMs = this.#status.ready ? Date.now() : this.#status.sinceMs;
    this.#status = { ready: false, sinceMs, detail };
  }

  /** For good. */
  close(): void {
    if (this.#closed) return;
    this.#status = { ready: false, sinceMs: Date.now(), detail: 'closed' };
    this.#closed = true;
  }

  /** What says where, says it once. */
  #placed(text: string): string {
    const { address } = this.#target;
    return text.includes(address) ? text : `${text} (${address})`;
  }

  /** One question at a time: a client that tries again and again asks no more often than that. */
  #askWhy(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    contained(async () => {
      const reason = await tlsReason(this.#target);
      this.#isAsking = false;
      if (reason === undefined || this.#status.ready || this.#closed) return;
      const detail = this.#placed(`Redis cannot be reached: ${reason}`);
      if (this.#status.detail !== detail) this.#logger.warn({ reason }, detail);
      this.#status = { ...this.#status, detail };
    });
  }

  #isFull(): boolean {
    return monotonicNowMs() - this.#full.atMs < FULL_MS;
  }
}
