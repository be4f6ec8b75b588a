// One app of uWebSockets.js, which has one certificate, and the port that it listens on.

import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { after } from '../../../lib/timers.js';
import type { TlsPair } from '../../../lib/tls-pair.js';
import { secureApp } from './pem-files.js';

type Uws = typeof import('uWebSockets.js');

/** A form of `listen` that its types leave out. */
interface Listener {
  listen(host: string, port: number, options: number, done: (socket: us_listen_socket | false) => void): unknown;
}

const SHARED_PORT = 0;
const EXCLUSIVE_PORT = 1;
/** Measured: a WebSocket that has ended waits up to 16 s for its peer's FIN; nobody tells when it goes. */
const LINGER_MS = 20_000;

export class UwsApp {
  readonly native: TemplatedApp;
  readonly #uws: Uws;
  #listenSocket: us_listen_socket | undefined;
  #open = 0;
  #retired: (() => void) | undefined;
  #end: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Throws where the certificate cannot be used. */
  constructor(uws: Uws, tls: TlsPair | undefined) {
    this.#uws = uws;
    this.native = tls === undefined ? uws.App() : secureApp(uws, tls);
  }

  get isListening(): boolean {
    return this.#listenSocket !== undefined;
  }

  /** Listens where nobody else does; answers the port, `undefined` where somebody does. */
  listenAlone(host: string, port: number): number | undefined {
    this.#listen(host, port, EXCLUSIVE_PORT);
    return this.#listenSocket && this.#uws.us_socket_local_port(this.#listenSocket);
  }

  /** Listens so that another app may listen there as well; answers whether it does. */
  listenBeside(host: string, port: number): boolean {
    this.stopListening();
    this.#listen(host, port, SHARED_PORT);
    return this.isListening;
  }

  publish(topic: string, frame: Buffer): void {
    this.native.publish(topic, frame, false, false);
  }

  came(): void {
    this.#open++;
  }

  left(): void {
    this.#open--;
    this.#endOnceEmpty();
  }

  /** Accepts nobody any more. Once its last link has gone it is closed, and `retired` called. */
  retire(retired: () => void): void {
    this.stopListening();
    this.#retired = retired;
    this.#endOnceEmpty();
  }

  stopListening(): void {
    if (this.#listenSocket === undefined) return;
    this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
  }

  /** Closes all that it has. Idempotent. */
  close(): void {
    clearTimeout(this.#end);
    this.stopListening();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.native.close();
  }

  #endOnceEmpty(): void {
    if (this.#retired === undefined || this.#open > 0 || this.#isClosed) return;
    clearTimeout(this.#end);
    this.#end = after(LINGER_MS, () => {
      this.#retired?.();
      this.close();
    }).unref();
  }

  /** uWebSockets.js calls back before it returns. */
  #listen(host: string, port: number, options: number): void {
    (this.native as unknown as Listener).listen(host, port, options, (socket) => {
      this.#listenSocket = socket === false ? undefined : socket;
    });
  }
}
