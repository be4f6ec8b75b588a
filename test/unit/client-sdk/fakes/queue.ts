// Values that wait for whoever asks, and askers that wait for values.

/** How long an asker waits before its test fails with a name instead of a timeout. */
const PATIENCE_MS = 2_000;

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

  /** The next value; rejects when none comes. */
  next(): Promise<T> {
    const [value] = this.#values.splice(0, 1);
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${this.#what} came`)), PATIENCE_MS);
      this.#askers.push((came) => {
        clearTimeout(timer);
        resolve(came);
      });
    });
  }

  /** What has come and nobody asked for. */
  get waiting(): readonly T[] {
    return this.#values;
  }
}
