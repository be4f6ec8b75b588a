// A network as seen from a page that may be frozen or gone: what comes is handed to `run`, which calls it when it may.

import type { Fetch, WebSocketConstructor } from '../../../../client-sdk/types.js';

type Run = (what: () => void) => void;

export const gatedFetch =
  (fetch: Fetch, run: Run): Fetch =>
  (url, init) =>
    new Promise((resolve, reject) => {
      fetch(url, init).then(
        (response) => run(() => resolve(response)),
        (error) => run(() => reject(error)),
      );
    });

/** Those that are open are in `sockets`. */
export function gatedWebSocket(
  Inner: WebSocketConstructor,
  run: Run,
  sockets: Set<{ close(): void }>,
  opened: () => void,
): WebSocketConstructor {
  return class {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;
    onerror: ((event: never) => void) | null = null;
    readonly #inner: InstanceType<WebSocketConstructor>;

    constructor(url: string) {
      this.#inner = new Inner(url);
      sockets.add(this.#inner);
      opened();
      this.#inner.onopen = (event) => run(() => this.onopen?.(event));
      this.#inner.onmessage = (event) => run(() => this.onmessage?.(event));
      this.#inner.onclose = (event) => {
        sockets.delete(this.#inner);
        run(() => this.onclose?.(event));
      };
    }

    send(data: string) {
      this.#inner.send(data);
    }

    close() {
      sockets.delete(this.#inner);
      this.#inner.close();
    }
  };
}
