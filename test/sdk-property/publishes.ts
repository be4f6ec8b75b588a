// What the application publishes by the SDK, and whether it is stored once, in order, and where it is said to be.

import type { Client } from '../../client-sdk/types.js';
import type { Server } from './server.js';

interface Publish {
  readonly data: string;
  readonly key: string | undefined;
  isSettled: boolean;
  stored: number;
}

export class Publishes {
  readonly #client: Client;
  readonly #server: Server;
  readonly #broken: string[];
  readonly #byChannel = new Map<string, Publish[]>();
  #serial = 0;

  constructor(client: Client, server: Server, broken: string[]) {
    this.#client = client;
    this.#server = server;
    this.#broken = broken;
    server.onstore = (channel, data) => this.#stored(channel, data);
  }

  /** `abortInMs`: it is given up then. */
  add(channel: string, isAgain: boolean, abortInMs?: number): void {
    const { clock } = this.#server;
    const all = this.#byChannel.get(channel) ?? [];
    this.#byChannel.set(channel, all);
    const again = isAgain ? all.findLast((one) => one.key) : undefined;
    const serial = ++this.#serial;
    const key = serial % 2 ? `k${serial}` : undefined;
    const mine: Publish = again ?? { data: `p${serial}`, key, isSettled: false, stored: 0 };
    if (!again) all.push(mine);
    const sinceMs = clock.monotonic();
    const stop = new AbortController();
    if (abortInMs !== undefined) clock.page(abortInMs, () => stop.abort('enough'));
    this.#client.publish(channel, mine.data, { key: mine.key, signal: stop.signal }).then(
      ({ offset }) => {
        mine.isSettled = true;
        const known = this.#server.log(channel).known.get(offset);
        if (known?.data !== mine.data)
          this.#broken.push(`${mine.data} is said to be at ${offset}, where ${known?.data} is`);
      },
      ({ code, cause }) => {
        mine.isSettled = true;
        const isDue = code === 'timeout' && clock.monotonic() - sinceMs >= 30_000;
        const isAborted = code === 'aborted' && stop.signal.aborted && cause === 'enough';
        const isOver = /^(closed|logged_out|revoked)$/.test(code) && this.#client.state.type !== 'connected';
        if (!isDue && !isAborted && !isOver) this.#broken.push(`publishing ${mine.data} failed with ${code}`);
      },
    );
  }

  #stored(channel: string, data: unknown): void {
    const all = this.#byChannel.get(channel) ?? [];
    const index = all.findIndex((one) => one.data === data);
    const mine = all[index];
    if (!mine) return void this.#broken.push(`${data} was never published on ${channel}`);
    if (++mine.stored > 1) this.#broken.push(`${data} is stored twice`);
    const before = all.slice(0, index).find((one) => !one.isSettled && !one.stored);
    if (before) this.#broken.push(`${data} is stored before ${before.data}`);
  }

  /** At the end nobody waits any more. */
  close(): void {
    const waiting = [...this.#byChannel.values()].flat().filter((one) => !one.isSettled);
    for (const { data } of waiting) this.#broken.push(`publishing ${data} came to nothing`);
  }
}
