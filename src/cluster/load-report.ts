// Tells the registry of a node's load each second, and the node of the registry's verdict.

import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { type PeriodicTask, periodically } from '../lib/periodic-tasks.js';
import type { NodeReport, Registry, ReportAnswer, ReportVerdict } from './registry.js';
import { REPORT_INTERVAL_MS, REGISTRY_RULES as RULES } from './registry-rules.js';

export interface ReporterParts {
  readonly registry: Registry;
  readonly logger: Logger;
  /** The node's state now; may not throw. `claimed` holds what came since the last call: it is handed over once. */
  read(): NodeReport;
  /**
   * Hears the first verdict and each that differs from the one before; may not throw. After `refused` the reporter goes on
   * asking, since the other node may end.
   */
  onVerdict(verdict: ReportVerdict): void;
  /** Hears each answer, before its verdict; may not throw. */
  onAnswer?(answer: ReportAnswer): void;
  /** Hears why a report was not taken; may not throw. */
  onFailure?(error: unknown): void;
  /** Somebody asked the node to drain; called once. */
  onDrainRequested?(): void;
  /** A multiple of 250 ms. Default 1,000. */
  readonly intervalMs?: number;
}

/** Owns the timer. None of its methods rejects because the registry is away. */
export interface Reporter {
  /** Reports at once, then each second. Resolves after the first report, whatever came of it. */
  start(): Promise<void>;
  /** Reports now, as when the node's state has changed. */
  report(): Promise<void>;
  /** Takes the node out of the registry and ends. Idempotent. */
  stop(): Promise<void>;
}

/** Claims older than a reservation's life are worth nothing; this bounds those that wait for the registry. */
const MAX_PENDING = 20_000;

/** Makes a reporter; nothing runs before `start`. */
export function createReporter(parts: ReporterParts): Reporter {
  return new LoadReporter(parts);
}

class LoadReporter implements Reporter {
  readonly #parts: ReporterParts;
  #timer: PeriodicTask | undefined;
  /** The report on its way; one at a time, so that an older one never comes after a newer. */
  #sending: Promise<void> | undefined;
  #again = false;
  #stopping: Promise<void> | undefined;
  #unreported: readonly string[] = [];
  #failing = false;
  #drainTold = false;
  #last: NodeReport | undefined;
  #verdict: ReportVerdict | undefined;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    this.#timer?.stop();
    if (this.#stopping !== undefined) return;
    this.#timer = periodically(this.#parts.intervalMs ?? REPORT_INTERVAL_MS, () => this.report());
    await this.report();
  }

  report(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.resolve();
    if (this.#sending !== undefined) {
      this.#again = true;
      return this.#sending;
    }
    this.#sending = this.#sendAll();
    return this.#sending;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#timer?.stop();
    await this.#sending;
    if (this.#last === undefined) return;
    try {
      await this.#parts.registry.remove(this.#last.id, this.#last.incarnation);
    } catch (error) {
      const withinMs = RULES.silenceMs;
      this.#parts.logger.warn({ error, withinMs }, 'cannot leave the registry; it will notice by itself');
    }
  }

  /** Whoever asks after its last look finds none under way, and begins another. */
  async #sendAll(): Promise<void> {
    do {
      this.#again = false;
      await this.#send();
    } while (this.#again && this.#stopping === undefined);
    this.#sending = undefined;
  }

  async #send(): Promise<void> {
    const { registry, logger } = this.#parts;
    const now = this.#parts.read();
    const report = { ...now, claimed: [...this.#unreported, ...now.claimed].slice(-MAX_PENDING) };
    this.#last = report;
    try {
      const answer = await registry.report(report);
      const { verdict } = answer;
      this.#unreported = [];
      if (this.#failing) logger.info({ node: report.id }, 'the registry takes reports again');
      this.#failing = false;
      if (this.#stopping !== undefined) return;
      this.#parts.onAnswer?.(answer);
      if (verdict !== this.#verdict) this.#parts.onVerdict(verdict);
      this.#verdict = verdict;
      if (verdict === 'accepted' && answer.drain) this.#tellDrain();
    } catch (error) {
      this.#unreported = report.claimed;
      // A registry that is away comes back by itself; a report that it does not take is a mistake of ours.
      const level = error instanceof FanfareError ? 'warn' : 'error';
      if (!this.#failing) logger[level]({ error, node: report.id }, 'cannot report to the registry');
      this.#failing = true;
      this.#parts.onFailure?.(error);
    }
  }

  #tellDrain(): void {
    if (this.#drainTold) return;
    this.#drainTold = true;
    this.#parts.onDrainRequested?.();
  }
}
