// A crowd of clients, spread over worker processes, seen as one.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Numbered } from './numbers.js';
import { built } from './root.js';
import type { OpenCommand, PrepareCommand, WorkerAnswer, WorkerCommand, WorkerReport } from './worker-messages.js';

/** What a fleet counted since its last reset. */
export interface FleetReport extends Omit<WorkerReport, 'is' | 'histogram'> {
  /** Latencies in microseconds; `undefined` when none was recorded. */
  readonly latency: Histogram | undefined;
}

/** Chosen: ten thousand tickets on a slow machine. */
const ANSWER_TIMEOUT_MS = 180_000;
const STALL_MS = 5_000;

export class Fleet {
  private readonly workers: readonly ChildProcess[];
  private readonly progress: number[];
  /** Clients of each worker. */
  private held: readonly number[];
  private opened = 0;
  private watcher: { readonly deliveries: number; readonly wake: () => void } | undefined;

  constructor(workers: number, execArgv: readonly string[] = []) {
    const path = fileURLToPath(built('worker.js'));
    this.workers = Array.from({ length: workers }, () => fork(path, { stdio: 'inherit', execArgv: [...execArgv] }));
    this.progress = this.workers.map(() => 0);
    this.held = this.workers.map(() => 0);
    for (const [index, worker] of this.workers.entries()) {
      worker.on('message', (message) => this.onAnswer(index, message as WorkerAnswer));
    }
  }

  /** The processes that hold the clients. */
  get pids(): readonly number[] {
    return this.workers.map((worker) => worker.pid ?? 0);
  }

  /** Gets tickets for the clients that `open` would open next, or once `opened` are open, so that opening them takes nothing but the opening. */
  async prepare(command: Omit<PrepareCommand, 'do' | 'first'>, opened = this.opened): Promise<void> {
    await Promise.all(
      this.shares(command.count, opened).map(({ first, count }, index) =>
        this.ask(index, { ...command, do: 'prepare', first, count }, 'prepared'),
      ),
    );
  }

  /** Opens more clients and resolves with the milliseconds it took until all were subscribed. Rejects when one cannot be. */
  async open(command: Omit<OpenCommand, 'do' | 'first'>): Promise<number> {
    const shares = this.shares(command.count);
    this.opened += command.count;
    this.held = shares.map(({ count }, index) => count + (this.held[index] ?? 0));
    const answers = shares.map(({ first, count }, index) => {
      const atOnce = Math.max(1, Math.round(command.atOnce / shares.length));
      return this.ask(index, { ...command, do: 'open', first, count, atOnce }, 'opened');
    });
    const opened = await Promise.all(answers);
    return Math.max(...opened.map((answer) => answer.tookMs));
  }

  /** Closes all clients; the next that are opened begin with the first number again. */
  async release(): Promise<void> {
    this.opened = 0;
    this.held = this.workers.map(() => 0);
    await Promise.all(this.workers.map((_, index) => this.ask(index, { do: 'release' }, 'released')));
  }

  /**
   * Begins a window. With `reportEvery`, progress is told at that many deliveries: each worker tells of its clients' part, where all clients
   * get the same.
   */
  async reset(options: { first: number; reportEvery?: number; latency?: boolean }): Promise<void> {
    this.progress.fill(0);
    const { first, reportEvery, latency = false } = options;
    await Promise.all(
      this.workers.map((_, index) => {
        const part = reportEvery === undefined ? Number.MAX_SAFE_INTEGER : this.partOf(reportEvery, index);
        return this.ask(index, { do: 'reset', first, reportEvery: part, latency }, 'reset');
      }),
    );
  }

  /** Resolves with true once that many deliveries were reported, with false when none is any more. */
  async reached(deliveries: number): Promise<boolean> {
    while (this.reported() < deliveries) {
      const before = this.reported();
      await this.next(before + 1);
      if (this.reported() === before) return false;
    }
    return true;
  }

  /** What came of the window that was published since the reset. */
  async report(window: Numbered): Promise<FleetReport> {
    const reports = await Promise.all(
      this.workers.map((_, index) => this.ask(index, { do: 'report', window }, 'report')),
    );
    return reports.map(decode).reduce(merge);
  }

  /** Ends the workers and with them every client. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(
      this.workers.map((worker) => {
        if (worker.exitCode !== null || worker.signalCode !== null) return undefined;
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.kill('SIGKILL'); // nothing in it needs a goodbye
        return ended;
      }),
    );
  }

  /** Of deliveries to all clients, those to a worker's; all of them where they cannot be shared out evenly. */
  private partOf(deliveries: number, index: number): number {
    const part = (deliveries * (this.held[index] ?? 0)) / this.opened;
    return Number.isInteger(part) && part > 0 ? part : deliveries;
  }

  /** Which of the next `count` clients each worker gets. */
  private shares(count: number, opened = this.opened): readonly { readonly first: number; readonly count: number }[] {
    const size = this.workers.length;
    let first = opened;
    return this.workers.map((_, index) => {
      const share = { first, count: Math.floor(count / size) + (index < count % size ? 1 : 0) };
      first += share.count;
      return share;
    });
  }

  private reported(): number {
    return this.progress.reduce((sum, deliveries) => sum + deliveries, 0);
  }

  private onAnswer(index: number, answer: WorkerAnswer): void {
    if (answer.is !== 'progress') return;
    this.progress[index] = answer.deliveries;
    if (this.watcher !== undefined && this.reported() >= this.watcher.deliveries) this.watcher.wake();
  }

  private next(deliveries: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.watcher = undefined;
        resolve();
      };
      const timer = setTimeout(wake, STALL_MS);
      this.watcher = { deliveries, wake };
    });
  }

  private ask<Kind extends WorkerAnswer['is']>(
    index: number,
    command: WorkerCommand,
    kind: Kind,
  ): Promise<Extract<WorkerAnswer, { is: Kind }>> {
    const worker = this.workers[index];
    if (worker === undefined) throw new TypeError(`there is no worker ${index}`);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        worker.off('message', onMessage);
        worker.off('exit', onExit);
      };
      const refuse = (reason: string): void => {
        settle();
        reject(new Error(`${command.do}: ${reason}`));
      };
      const onMessage = (message: unknown): void => {
        const answer = message as WorkerAnswer;
        if (answer.is === 'failed') return refuse(answer.reason);
        if (answer.is !== kind) return;
        settle();
        resolve(answer as Extract<WorkerAnswer, { is: Kind }>);
      };
      const onExit = (code: number | null): void => refuse(`the worker ended with code ${code}`);
      const timer = setTimeout(() => refuse('no answer in time'), ANSWER_TIMEOUT_MS);
      worker.on('message', onMessage);
      worker.once('exit', onExit);
      worker.send(command);
    });
  }
}

function decode(report: WorkerReport): FleetReport {
  const latency = report.histogram === '' ? undefined : decodeFromCompressedBase64(report.histogram);
  return { ...report, latency };
}

function merge(one: FleetReport, other: FleetReport): FleetReport {
  if (one.latency !== undefined && other.latency !== undefined) one.latency.add(other.latency);
  return {
    clients: one.clients + other.clients,
    deliveries: one.deliveries + other.deliveries,
    lost: one.lost + other.lost,
    repeated: one.repeated + other.repeated,
    disordered: one.disordered + other.disordered,
    ended: one.ended + other.ended,
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
    polls: one.polls + other.polls,
    surprises: one.surprises + other.surprises,
    surprise: one.surprise || other.surprise,
    latency: one.latency,
    lagP99Ms: Math.max(one.lagP99Ms, other.lagP99Ms),
    lagMaxMs: Math.max(one.lagMaxMs, other.lagMaxMs),
  };
}
