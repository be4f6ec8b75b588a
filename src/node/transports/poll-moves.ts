// Who polls and is still to be told that the node is being drained: clients whose next poll is yet to come.

import { setTimeout as pause } from 'node:timers/promises';
import { monotonicNowMs } from '../../lib/clocks.js';
import type { HttpClient } from '../clients/http-clients.js';

/** Chosen: a client that was not back for so long is not waited for. */
const LATELY_MS = 30_000;
/** Chosen: a long poll that was just answered comes again within a round trip. */
const ROUND_TRIP_MS = 1_000;
const LOOK_EVERY_MS = 50;
const MAX_CLIENTS = 50_000;

export class PollMoves {
  /** Clients of short polls by when they polled last, the oldest first. */
  readonly #shortly = new Map<HttpClient, number>();
  #lastMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** A poll was let in; one that waits is told by itself. */
  saw(client: HttpClient, waitMs: number): void {
    const nowMs = monotonicNowMs();
    this.#lastMs = nowMs;
    this.#shortly.delete(client);
    if (waitMs > 0) return;
    this.#shortly.set(client, nowMs);
    this.#forgetOldest(this.#shortly.size > MAX_CLIENTS ? nowMs : nowMs - LATELY_MS);
  }

  /** The client was told to move. */
  told(client: HttpClient): void {
    this.#shortly.delete(client);
  }

  /** Resolves when everybody who polled lately has been told, or after `withinMs`. */
  async wait(withinMs: number): Promise<void> {
    const beganMs = monotonicNowMs();
    while (this.#forgetOldest(beganMs - LATELY_MS));
    if (beganMs - this.#lastMs > LATELY_MS) return;
    const isOver = () => {
      const waitedMs = monotonicNowMs() - beganMs;
      return this.#isClosed || waitedMs >= withinMs || (waitedMs >= ROUND_TRIP_MS && this.#shortly.size === 0);
    };
    while (!isOver()) await pause(LOOK_EVERY_MS);
  }

  /** Ends a wait. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#shortly.clear();
  }

  /** Drops the client that polled longest ago if that was before a moment; answers whether it was. */
  #forgetOldest(beforeMs: number): boolean {
    const oldest = this.#shortly.entries().next();
    if (oldest.done || oldest.value[1] >= beforeMs) return false;
    return this.#shortly.delete(oldest.value[0]);
  }
}
