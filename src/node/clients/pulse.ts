// The signs of life of one link: what it was sent last, when its peer was pinged, and what is due when it is looked at.

import type { EngineSocket } from '../engines/engine.js';

const HEARTBEAT = Buffer.from('{"type":"heartbeat"}');
/** How late a look may be: its links tick each half of that, and find what is due at the next tick. */
export const LATE_MS = 100;
/** Chosen: what a timer may be late by itself. */
const SPARE_MS = 50;
/** Chosen: however rare the heartbeats of a link are, it is looked at so often, for its pings. */
const LONGEST_LOOK_MS = 12_500;
/** Specified: a ping so long after the last one that was free is free too. */
const FREE_PING_MS = 1_000;

/** How long after it was sent something a link is silent for too long by the next tick. */
function wakesForMs(heartbeatMs: number): number {
  return Math.max(heartbeatMs / 2, heartbeatMs - 2 * LATE_MS - SPARE_MS);
}

/**
 * How long after one look the next is due. Twice in a heartbeat: a link that messages keep awake needs none, and one that has
 * fallen silent is not found just too late. Each link keeps a rhythm of its own, or all of a channel would be due together.
 */
export function lookAfterMs(heartbeatMs: number): number {
  return Math.min(LONGEST_LOOK_MS, wakesForMs(heartbeatMs) / 2);
}

/** What else keeps a link awake: its live channels. */
export interface Deliveries {
  deliveredSince(sinceMs: number): boolean;
}

/** Times are those of the monotonic clock. A part of a link and not an object beside it: a node has tens of thousands. */
export abstract class Pulse {
  #heartbeatMs: number;
  /** When the link was last sent a heartbeat, or what it was connected with. */
  #saidAtMs: number;
  #pingedAtMs: number;
  #freePingAtMs = -FREE_PING_MS;

  constructor(heartbeatMs: number, nowMs: number) {
    this.#heartbeatMs = heartbeatMs;
    this.#saidAtMs = nowMs;
    this.#pingedAtMs = nowMs;
  }

  /** When it was last sent a heartbeat, or what it was connected with; before that, when it came. */
  protected get saidAtMs(): number {
    return this.#saidAtMs;
  }

  /** The link is never silent for longer. */
  protected get heartbeatMs(): number {
    return this.#heartbeatMs;
  }

  protected set heartbeatMs(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
  }

  /** How long after a look the next is due: one that sent a heartbeat needs none before the next heartbeat may be due. */
  protected lookAfterMs(nowMs: number): number {
    if (this.#saidAtMs < nowMs) return lookAfterMs(this.#heartbeatMs);
    return Math.min(LONGEST_LOOK_MS, wakesForMs(this.#heartbeatMs));
  }

  /** It was sent something. */
  protected said(nowMs: number): void {
    this.#saidAtMs = nowMs;
  }

  /** Whether a heartbeat is to be sent now: without one, the link would be silent for too long by the next look. */
  protected takeBeat(nowMs: number, deliveries: Deliveries | undefined): boolean {
    const sinceMs = nowMs + lookAfterMs(this.#heartbeatMs) + LATE_MS + SPARE_MS - this.#heartbeatMs;
    if (this.#saidAtMs >= sinceMs || deliveries?.deliveredSince(sinceMs)) return false;
    this.#saidAtMs = nowMs;
    return true;
  }

  /** Whether the peer's library is to be asked for a pong now: the next look would be too late. */
  protected takePing(nowMs: number, pingMs: number): boolean {
    if (nowMs + this.lookAfterMs(nowMs) <= this.#pingedAtMs + pingMs) return false;
    this.#pingedAtMs = nowMs;
    return true;
  }

  /** Sends a WebSocket what is due, in one piece. */
  protected keepAwake(socket: EngineSocket, nowMs: number, pingMs: number, deliveries: Deliveries | undefined): void {
    const isSilent = this.takeBeat(nowMs, deliveries);
    const isPinged = this.takePing(nowMs, pingMs);
    if (isSilent && isPinged) {
      socket.cork(() => {
        socket.send(HEARTBEAT);
        socket.ping();
      });
    } else if (isSilent) socket.send(HEARTBEAT);
    else if (isPinged) socket.ping();
  }

  /** Whether a `ping` that came now costs nothing. */
  protected takeFreePingAt(nowMs: number): boolean {
    if (nowMs - this.#freePingAtMs < FREE_PING_MS) return false;
    this.#freePingAtMs = nowMs;
    return true;
  }
}
