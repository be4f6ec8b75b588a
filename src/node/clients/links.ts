// Every open link of a node: looked at for heartbeats and expiry, swept for handshakes, by timers that the node owns.

import type { Identity } from '../../auth/identity.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { type PeriodicTask, periodically } from '../../lib/periodic-tasks.js';
import { type Due, TimingWheel } from '../../lib/timing-wheel.js';
import type { Code } from '../../protocol/index.js';
import type { Held } from '../channels/newest.js';
import type { StreamPeer } from './dead-streams.js';
import { Newcomers } from './newcomers.js';
import { LATE_MS, lookAfterMs } from './pulse.js';

const TICK_MS = LATE_MS / 2;
/** Chosen: links that come together are first looked at over so many parts of a while. */
const SPREAD = 25;
const SWEEP_EVERY_MS = 500;
/** Chosen: how long the last words of a link that has ended may take to leave. */
const LAST_WORDS_MS = 10_000;

/** A WebSocket or a stream, as its node's timers see it. */
export interface Link extends Due {
  readonly transport: 'websocket' | 'sse';
  /** When it is ended because its token has expired, by the system's clock. */
  readonly endsAtMs: number;
  /**
   * By the monotonic clock: closes the link when its token has expired or nothing was heard from it for too long, sends a
   * heartbeat if it would be silent for too long, and has itself {@link Links.lookAt looked at} again.
   */
  due(nowMs: number): void;
  /** Asks the client to move to another node. */
  move(withinMs: number, reason: string): void;
  /** Closes it with a code, a reason, and how long its client is to stay away at least. Idempotent. */
  end(code: Code, reason: string, retryAfterMs?: number): void;
  /** Whose it is, as far as that is known. */
  readonly identity: Identity | undefined;
  /** Bytes that its peer has not taken. */
  bufferedBytes(): number;
  /** What waits for its limits, of channels of which it is sent the newest only. */
  readonly held?: Held;
  /** Ends it as one that reads too slowly. */
  cut(): void;
  /** What tells of its peer's death, where nothing that it sends does. */
  readonly peer?: StreamPeer;
}

export interface LinksOptions {
  readonly heartbeatMs: number;
  readonly maxConnections: number;
}

/** What is left of a stream that has ended: bytes that its peer has not taken yet. */
export interface EndedStream {
  bufferedBytes(): number;
  destroy(): void;
}

/** The set of open links, and of those that have come and are none yet. */
export class Links {
  readonly #open = new Set<Link>();
  readonly #looks = new TimingWheel<Link>(TICK_MS);
  /** Until when each may still be sending. */
  readonly #ended = new Map<EndedStream, number>();
  readonly #options: LinksOptions;
  /** WebSockets that nobody has shown a ticket on. */
  readonly newcomers: Newcomers;
  #part = 0;
  #sweeper: PeriodicTask | undefined;
  sockets = 0;
  streams = 0;
  /** Links that were cut because they read too slowly. */
  slowConsumers = 0;
  /** Messages that links were sent by themselves, as when they resume; what they get with others is counted by its channel. */
  readonly replayed = { websocket: 0, sse: 0 };

  constructor(options: LinksOptions) {
    this.#options = options;
    this.newcomers = new Newcomers(options.maxConnections, () => this.size);
  }

  get size(): number {
    return this.sockets + this.streams;
  }

  start(): void {
    this.#sweeper?.stop();
    this.#sweeper = periodically(SWEEP_EVERY_MS, () => this.#sweep(monotonicNowMs()));
  }

  stop(): void {
    this.#looks.close();
    this.#sweeper?.stop();
    this.#ended.clear();
  }

  add(link: Link): void {
    this.#open.add(link);
    this.#part = (this.#part % SPREAD) + 1;
    this.lookAt(link, monotonicNowMs(), (lookAfterMs(this.#options.heartbeatMs) * this.#part) / SPREAD);
    if (link.transport === 'websocket') this.sockets++;
    else this.streams++;
  }

  /** Idempotent. */
  remove(link: Link): void {
    if (!this.#open.delete(link)) return;
    this.#looks.remove(link);
    if (link.transport === 'websocket') this.sockets--;
    else this.streams--;
  }

  /** Has {@link Link.due} called so long after `nowMs`, or when its token expires, and not before. */
  lookAt(link: Link, nowMs: number, afterMs: number): void {
    this.#looks.add(link, nowMs + Math.min(afterMs, link.endsAtMs - Date.now()));
  }

  /** For where work comes in: after the loop was held up, heartbeats go before anything else. */
  hurry(nowMs: number): void {
    this.#looks.hurry(nowMs);
  }

  /** A peer that does not read what it was told last is not waited for: its buffer is given back in time. */
  seeOff(stream: EndedStream): void {
    if (stream.bufferedBytes() > 0) this.#ended.set(stream, monotonicNowMs() + LAST_WORDS_MS);
  }

  /** All links, oldest first; safe against removal while it is walked. */
  all(): Iterable<Link> {
    return this.#open;
  }

  /** Of links from which nothing is ever heard. */
  *silentPeers(): Generator<StreamPeer> {
    if (this.streams === 0) return;
    for (const { peer } of this.all()) if (peer !== undefined) yield peer;
  }

  /** What is left of streams that have ended. */
  get ended(): Iterable<EndedStream> {
    return this.#ended.keys();
  }

  #sweep(nowMs: number): void {
    this.newcomers.sweep(nowMs);
    for (const [stream, dueMs] of this.#ended) {
      if (stream.bufferedBytes() > 0 && nowMs < dueMs) continue;
      this.#ended.delete(stream);
      if (stream.bufferedBytes() > 0) stream.destroy();
    }
  }
}
