// How a server process ends: in stages, and each signal that comes cuts the stage short in which it comes.

import { monotonicNowMs } from '../lib/clocks.js';
import type { Logger } from '../lib/logger.js';
import { after } from '../lib/timers.js';
import { EXIT } from './exit.js';

/** What a process serves. */
export interface Server {
  /** Resolves with the URL when clients can connect; a node adds whether any are sent to it. */
  start(): Promise<{ readonly url: string; readonly ready?: boolean }>;
  /** Says that it is not ready, and serves as ever. */
  leave(): void;
  /** Lets go of its clients in an orderly way, within so many milliseconds, then closes. */
  drain(withinMs: number): Promise<void>;
  /** Closes everything at once. Idempotent. */
  close(): Promise<void>;
}

/** With which code a process ends that a signal ends at once: 128 and the signal's number. */
const SIGNALS = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 } as const;
export type EndSignal = keyof typeof SIGNALS;
export const END_SIGNALS = Object.keys(SIGNALS) as readonly EndSignal[];

/** Chosen: what a drain leaves of its time to the closing of what is left. */
const CLOSE_MS = 1_000;

export interface ServerEndParts {
  readonly logger: Logger;
  /** How long it serves on after a signal, so that who balances load can turn away. */
  readonly delayMs: number;
  /** From the first signal to the end of the drain, the delay included. */
  readonly timeoutMs: number;
  readonly exit: (code: number) => void;
}

/**
 * Stages: `serving`; `leaving`, not ready and open for whoever still comes; `draining`; then the process is gone. A signal
 * leads from each to the next; SIGINT, an operator's drain and a taken id go past `leaving`.
 */
export class ServerEnd {
  readonly #parts: ServerEndParts;
  #server: Server | undefined;
  #stage: 'serving' | 'leaving' | 'draining' = 'serving';
  #isServing = false;
  #wasSignalled = false;
  #code: number = EXIT.ok;
  #beganMs = 0;
  #delay: NodeJS.Timeout | undefined;
  #late: NodeJS.Timeout | undefined;

  constructor(parts: ServerEndParts) {
    this.#parts = parts;
  }

  /** Names what is to be ended, before it starts. */
  attach(server: Server): void {
    this.#server = server;
  }

  /** The server has started. */
  serving(): void {
    this.#isServing = true;
  }

  signal(signal: EndSignal): void {
    const { logger, delayMs, timeoutMs, exit } = this.#parts;
    const isFirst = !this.#wasSignalled;
    this.#wasSignalled = true;
    switch (this.#stage) {
      case 'serving': {
        const leaves = signal !== 'SIGINT' && delayMs > 0 && this.#isServing;
        const next = leaves ? 'a second signal ends the delay, a third the process' : 'a second signal ends at once';
        logger.info({ signal, timeoutMs, ...(leaves && { delayMs }) }, `draining; ${next}`);
        return leaves ? this.#leave() : this.#drain();
      }
      case 'leaving':
        logger.info({ signal }, 'no delay any more; another signal ends at once');
        return this.#drain();
      case 'draining':
        if (!isFirst) return exit(SIGNALS[signal]);
        return logger.info({ signal }, 'draining already; another signal ends at once');
    }
  }

  /** An operator asked for a drain. That is no signal: the first signal that comes later is the first. */
  request(): void {
    this.#drain();
  }

  /** Another process has taken this one's place. */
  displaced(): void {
    this.#code = EXIT.idTaken;
    this.#drain();
  }

  #leave(): void {
    this.#begin();
    this.#stage = 'leaving';
    this.#server?.leave();
    this.#delay = after(this.#parts.delayMs, () => this.#drain());
  }

  #drain(): void {
    if (this.#stage === 'draining') return;
    this.#begin();
    this.#stage = 'draining';
    clearTimeout(this.#delay);
    const leftMs = this.#parts.timeoutMs - (monotonicNowMs() - this.#beganMs);
    void this.#end(Math.max(0, leftMs - CLOSE_MS)).then((code) => this.#parts.exit(code));
  }

  async #end(withinMs: number): Promise<number> {
    const { logger } = this.#parts;
    try {
      await this.#server?.drain(withinMs);
      logger.info({}, 'drained');
      return this.#code;
    } catch (error) {
      logger.error({ error }, 'the drain failed');
      return EXIT.unavailable;
    } finally {
      clearTimeout(this.#late);
    }
  }

  #begin(): void {
    if (this.#stage !== 'serving') return;
    const { timeoutMs, logger, exit } = this.#parts;
    this.#beganMs = monotonicNowMs();
    this.#late = after(timeoutMs, () => {
      logger.warn({ timeoutMs }, 'the drain took too long: closing what is left');
      const gone = this.#server?.close() ?? Promise.resolve();
      void gone.finally(() => exit(this.#code));
    });
  }
}
