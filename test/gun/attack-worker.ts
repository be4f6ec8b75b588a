// Fires: opens so many connections a second, in a process of its own, and lets each of them do its worst.

import { connect, type Socket } from 'node:net';
import { serve } from '../chaos/worker-process.js';
import { ATTACKS } from './attacks.js';

export interface Fire {
  readonly port: number;
  readonly perSecond: number;
  readonly forMs: number;
  readonly addresses: readonly string[];
}

export interface Fired {
  readonly begun: number;
  /** That stood, before the server or the peer ended them. */
  readonly connected: number;
  /** At the same time, at most. */
  readonly mostOpen: number;
  readonly perSecond: number;
}

const TICK_MS = 20;
/** Longer than a server may wait for anything. */
const LIFE_MS = 15_000;
/** Descriptors that this process spends at most. */
const MAX_OPEN = 12_000;

class Gun {
  readonly #fire: Fire;
  /** Oldest first. */
  readonly #open = new Map<Socket, number>();
  #begun = 0;
  #connected = 0;
  #mostOpen = 0;

  constructor(fire: Fire) {
    this.#fire = fire;
  }

  run(): Promise<Fired> {
    const startedAt = performance.now();
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const passedMs = performance.now() - startedAt;
        if (passedMs > this.#fire.forMs) {
          clearInterval(timer);
          for (const socket of this.#open.keys()) socket.destroy();
          const perSecond = Math.round((this.#begun * 1_000) / passedMs);
          resolve({ begun: this.#begun, connected: this.#connected, mostOpen: this.#mostOpen, perSecond });
          return;
        }
        this.#shoot(Math.floor((passedMs * this.#fire.perSecond) / 1_000) - this.#begun);
      }, TICK_MS);
    });
  }

  #shoot(count: number): void {
    const nowMs = performance.now();
    for (const [socket, dueMs] of this.#open) {
      if (dueMs > nowMs && this.#open.size < MAX_OPEN) break;
      socket.destroy();
      this.#open.delete(socket);
    }
    for (let n = 0; n < count; n++) this.#begin(this.#begun++, nowMs + LIFE_MS);
    this.#mostOpen = Math.max(this.#mostOpen, this.#open.size);
  }

  #begin(n: number, dueMs: number): void {
    const { port, addresses } = this.#fire;
    const localAddress = addresses[n % addresses.length] ?? '127.0.0.1';
    const attack = ATTACKS[Math.floor(n / addresses.length) % ATTACKS.length];
    // It does not close when the server does.
    const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true, noDelay: true });
    this.#open.set(socket, dueMs);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#open.delete(socket));
    socket.once('connect', () => {
      this.#connected++;
      attack?.play(socket, n);
      socket.resume();
    });
  }
}

const questions = { fire: (fire: Fire) => new Gun(fire).run() };
export type AttackQuestions = typeof questions;

serve(questions);
