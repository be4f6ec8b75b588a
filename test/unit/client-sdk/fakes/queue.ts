// Values that wait for whoever asks, and askers that wait for values.

import { onTestFailed } from 'vitest';

export class Queue<T> {
  readonly #what: string;
  readonly #values: T[] = [];
  readonly #askers: ((value: T) => void)[] = [];

  constructor(what: string) {
    this.#what = what;
  }

  push(value: T): void {
    const asker = this.#askers.shift();
    if (asker === undefined) this.#values.push(value);
    else asker(value);
  }

  /** The next value; a test that ends because none comes says so. */
  next(): Promise<T> {
    const [value] = this.#values.splice(0, 1);
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => {
      this.#askers.push(resolve);
      onTestFailed(() => {
        if (this.#askers.includes(resolve)) console.error(`no ${this.#what} came`);
      });
    });
  }

  /** Takes what has come and nobody asked for. */
  takeAll(): T[] {
    return this.#values.splice(0);
  }

  /** What has come and nobody asked for. */
  get waiting(): readonly T[] {
    return this.#values;
  }
}
