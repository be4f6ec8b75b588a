// The network between this page and the server, as something that can be cut and joined again.

import type { WebSocketConstructor, WebSocketLike } from '../client-sdk/types.js';
import { bytesOf, countBody, type Traffic } from './cost.js';
import { isTooSoon, saysTooSoon, stamped, stampedRequest } from './wire.js';

/** What a socket tells when the network under it is gone. */
const LOST = { code: 1006, reason: '', wasClean: false };

export interface CableWatcher {
  /** Told of each publish that the node refuses for now: the SDK repeats it. */
  readonly onLimited?: () => void;
  /** Told of all that goes over it. */
  readonly onTraffic?: (traffic: Traffic) => void;
}

/**
 * A `WebSocket` and a `fetch` for `createClient`. While it is cut, open sockets die with 1006, requests on their way and
 * streams fail as a broken network makes them fail, and nothing new gets through: to the SDK it is a real loss.
 * It is also where a publish is handed to the wire, and stamped with that moment.
 */
export class Cable {
  readonly WebSocket: WebSocketConstructor;
  readonly #sockets = new Set<CableSocket>();
  /** Aborted by a cut, made anew by a repair. */
  #life = new AbortController();
  readonly #watcher: CableWatcher;

  constructor(watcher: CableWatcher = {}) {
    const cable = this;
    this.#watcher = watcher;
    this.WebSocket = class extends CableSocket {
      constructor(url: string) {
        super(url, cable.isCut, watcher);
        cable.#sockets.add(this);
        this.released = () => cable.#sockets.delete(this);
      }
    };
  }

  get isCut(): boolean {
    return this.#life.signal.aborted;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const { signal } = this.#life;
    const signals = init?.signal ? [init.signal, signal] : [signal];
    const publish = stampedRequest(input, init);
    const sent = publish ?? init;
    this.#watcher.onTraffic?.({ requests: 1, sentBytes: bytesOf(sent?.body) });
    const response = await globalThis.fetch(input, { ...sent, signal: AbortSignal.any(signals) });
    if (publish !== undefined && isTooSoon(response)) this.#watcher.onLimited?.();
    countBody(response, (receivedBytes) => this.#watcher.onTraffic?.({ receivedBytes }));
    return response;
  };

  cut(): void {
    this.#life.abort(new TypeError('network error: the cable is cut'));
    for (const socket of [...this.#sockets]) socket.lose();
  }

  restore(): void {
    if (this.isCut) this.#life = new AbortController();
  }
}

class CableSocket implements WebSocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  released: () => void = () => {};
  readonly #socket: WebSocket | undefined;

  readonly #watcher: CableWatcher;

  constructor(url: string, isCut: boolean, watcher: CableWatcher) {
    this.#watcher = watcher;
    if (isCut) {
      setTimeout(() => this.lose());
      return;
    }
    const socket = new WebSocket(url);
    watcher.onTraffic?.({ requests: 1 });
    socket.onopen = (event) => this.onopen?.(event as never);
    socket.onmessage = (event) => {
      watcher.onTraffic?.({ receivedBytes: bytesOf(event.data) });
      if (saysTooSoon(event.data)) watcher.onLimited?.();
      this.onmessage?.(event as never);
    };
    socket.onerror = (event) => this.onerror?.(event as never);
    socket.onclose = (event) => {
      this.released();
      this.onclose?.(event as never);
    };
    this.#socket = socket;
  }

  send(data: string): void {
    const text = stamped(data);
    this.#watcher.onTraffic?.({ sentBytes: bytesOf(text) });
    this.#socket?.send(text);
  }

  close(code?: number, reason?: string): void {
    this.released();
    this.#socket?.close(code, reason);
  }

  /** The page cannot break TCP, so the real socket is closed unheard and the SDK hears what a broken one says. */
  lose(): void {
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    this.close();
    this.onerror?.({ type: 'error' } as never);
    this.onclose?.(LOST as never);
  }
}
