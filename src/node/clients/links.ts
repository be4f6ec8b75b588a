// Every open link of a node, swept for heartbeats, expiry and handshakes by timers that the node owns.

import { monotonicNowMs } from '../../lib/clocks.js';
import type { Code } from '../../protocol/index.js';

/** Heartbeats are spread over so many slices of their interval, so that no tick writes to everybody. */
const SLICES = 25;
const SWEEP_EVERY_MS = 500;
/** Chosen: how long the last words of a link that has ended may take to leave. */
const LAST_WORDS_MS = 10_000;

/** A WebSocket or a stream, as the sweeps see it. */
export interface Link {
  readonly transport: 'websocket' | 'sse';
  /** By the monotonic clock. Sends a heartbeat if the link has been silent; closes it when nothing was heard from it for too long. */
  beat(nowMs: number): void;
  /** Closes it when its handshake has taken too long by the monotonic clock, or its token has expired by the system's. */
  checkDeadlines(nowMs: number, unixMs: number): void;
  /** Asks the client to move to another node. */
  move(withinMs: number, reason: string): void;
  /** Closes it with a code and a reason. Idempotent. */
  end(code: Code, reason: string): void;
}

/**
 * A link is beaten each `heartbeatMs`, and needs no heartbeat when it had a message so lately: half of that, or a message
 * just after one beat would leave the client in silence until the beat after the next, which is when it gives up.
 */
export function quietMs(heartbeatMs: number): number {
  return heartbeatMs / 2;
}

export interface LinksOptions {
  readonly heartbeatMs: number;
}

/** What is left of a stream that has ended: bytes that its peer has not taken yet. */
export interface EndedStream {
  bufferedBytes(): number;
  destroy(): void;
}

/** The set of open links. */
export class Links {
  readonly #slices: readonly Set<Link>[] = Array.from({ length: SLICES }, () => new Set<Link>());
  /** Until when each may still be sending. */
  readonly #ended = new Map<EndedStream, number>();
  readonly #options: LinksOptions;
  #next = 0;
  #beating = 0;
  #beater: NodeJS.Timeout | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  sockets = 0;
  streams = 0;
  /** Links that were cut because they read too slowly. */
  slowConsumers = 0;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.sockets + this.streams;
  }

  start(): void {
    this.stop();
    this.#beater = setInterval(() => this.#beat(monotonicNowMs()), Math.max(5, this.#options.heartbeatMs / SLICES));
    this.#sweeper = setInterval(() => this.#sweep(monotonicNowMs()), SWEEP_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#beater);
    clearInterval(this.#sweeper);
    this.#ended.clear();
  }

  /** Answers the slot to give back on {@link remove}. */
  add(link: Link): number {
    const slot = this.#next;
    this.#next = (slot + 1) % SLICES;
    this.#slices[slot]?.add(link);
    if (link.transport === 'websocket') this.sockets++;
    else this.streams++;
    return slot;
  }

  remove(link: Link, slot: number): void {
    if (!this.#slices[slot]?.delete(link)) return;
    if (link.transport === 'websocket') this.sockets--;
    else this.streams--;
  }

  /** A peer that does not read what it was told last is not waited for: its buffer is given back in time. */
  seeOff(stream: EndedStream): void {
    if (stream.bufferedBytes() > 0) this.#ended.set(stream, monotonicNowMs() + LAST_WORDS_MS);
  }

  /** All links, oldest first within each slice; safe against removal while it runs. */
  *all(): Generator<Link> {
    for (const slice of this.#slices) yield* slice;
  }

  #beat(nowMs: number): void {
    this.#beating = (this.#beating + 1) % SLICES;
    for (const link of this.#slices[this.#beating] ?? []) link.beat(nowMs);
  }

  #sweep(nowMs: number): void {
    const unixMs = Date.now();
    for (const link of this.all()) link.checkDeadlines(nowMs, unixMs);
    for (const [stream, dueMs] of this.#ended) {
      if (stream.bufferedBytes() > 0 && nowMs < dueMs) continue;
      this.#ended.delete(stream);
      if (stream.bufferedBytes() > 0) stream.destroy();
    }
  }
}
