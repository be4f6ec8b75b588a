// All pollers, in processes of their own.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { built } from '../root.js';
import type { PollerTarget } from './poller.js';
import { sumOf, type Tally } from './tally.js';
import type { Order, PollersReport } from './worker.js';

/** Chosen: connections that are opened each second, by all processes together. */
const OPENED_PER_SECOND = 2_000;
/** Chosen: so long all have to be answered once. */
const READY_MS = 60_000;
const LOOK_EVERY_MS = 250;

export class Crowd {
  readonly #workers: readonly ChildProcess[];

  constructor(processes: number) {
    const file = fileURLToPath(built('pollers/worker.js'));
    this.#workers = Array.from({ length: processes }, () =>
      fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    );
  }

  /** Resolves once all of them have been answered; rejects after a minute. The first is the one that most follow; of others there are a few. */
  async open(targets: readonly (Omit<PollerTarget, 'from'> & { readonly count: number })[]): Promise<void> {
    const { length } = this.#workers;
    for (const [index, worker] of this.#workers.entries()) {
      for (const { count, ...target } of targets) {
        const part = Math.floor(count / length) + (index < count % length ? 1 : 0);
        const from = `127.0.0.${10 + index}`;
        this.#tell(worker, {
          type: 'open',
          target: { ...target, from },
          count: part,
          perSecond: OPENED_PER_SECOND / length,
        });
        await this.#answered(worker);
      }
    }
  }

  /** What all have seen since the last reset or report. */
  async report(): Promise<Tally> {
    return sumOf((await Promise.all(this.#workers.map((worker) => this.#ask(worker)))).map(({ tally }) => tally));
  }

  reset(): void {
    for (const worker of this.#workers) this.#tell(worker, { type: 'reset' });
  }

  /** All pollers go. */
  empty(): void {
    for (const worker of this.#workers) this.#tell(worker, { type: 'close' });
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        const ended = once(worker, 'exit');
        if (worker.connected) worker.disconnect();
        else worker.kill();
        await ended;
      }),
    );
  }

  async #answered(worker: ChildProcess): Promise<void> {
    for (const untilMs = performance.now() + READY_MS; ; ) {
      const { pollers, live } = await this.#ask(worker);
      if (live === pollers) return;
      if (performance.now() > untilMs) throw new Error(`${pollers - live} of ${pollers} pollers were not answered`);
      await pause(LOOK_EVERY_MS);
    }
  }

  async #ask(worker: ChildProcess): Promise<PollersReport> {
    const said = once(worker, 'message');
    this.#tell(worker, { type: 'report' });
    return ((await said) as [PollersReport])[0];
  }

  #tell(worker: ChildProcess, order: Order): void {
    worker.send(order);
  }
}
