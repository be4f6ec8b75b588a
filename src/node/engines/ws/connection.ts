// What the ws engine knows of one connection: the request that is answered on it, and whether it is a handshake still.

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Handshakes } from '../../../http/handshakes.js';
import type { CountedSocket, WsExchange } from './exchange.js';

const CONNECTION = Symbol('connection');

/** A socket has it with it: a table of all of them is walked each time that garbage is collected. */
interface Known extends Duplex {
  [CONNECTION]?: WsConnection;
}

export interface ConnectionParts {
  readonly handshakes: Handshakes;
  /** How long a peer may take over the rest of a request that has been answered; `undefined`: as ever. */
  readonly restMs: () => number | undefined;
}

export class WsConnection implements CountedSocket {
  /** The request that is being answered. */
  exchange: WsExchange | undefined;
  readonly #parts: ConnectionParts;
  readonly #address: string;
  /** While it has neither been answered nor let in. */
  #begun: number | undefined;

  /** `begun`: of {@link Handshakes.begin}; none where nobody counts it. */
  constructor(raw: Socket, begun: number | undefined, parts: ConnectionParts) {
    this.#address = raw.remoteAddress ?? '';
    this.#begun = begun;
    this.#parts = parts;
    this.carriedBy(raw);
  }

  static of(socket: Known): WsConnection | undefined {
    return socket[CONNECTION];
  }

  /** With TLS, node:http knows another socket than the one that came. */
  carriedBy(socket: Known): void {
    socket[CONNECTION] = this;
  }

  settled(): void {
    if (this.#begun === undefined) return;
    this.#parts.handshakes.end(this.#address, this.#begun);
    this.#begun = undefined;
  }

  restMs(): number | undefined {
    return this.#parts.restMs();
  }

  /** It has made its upgrade: its time as a handshake begins anew. */
  renew(): void {
    if (this.#begun === undefined) return;
    this.#begun = this.#parts.handshakes.renew(this.#address, this.#begun) ?? this.#begun;
  }
}
