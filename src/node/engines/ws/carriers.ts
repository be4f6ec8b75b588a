// Which TCP connection carries a request: with TLS, node:http knows another socket than the one that came.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

export class Carriers {
  /** Connections that have shaken no hands yet, by their peers. */
  readonly #coming = new Map<string, Socket>();
  readonly #secured = new WeakSet<Socket>();

  /** A TCP connection has come that is to speak TLS. */
  came(raw: Socket): void {
    const peer = peerOf(raw);
    this.#coming.set(peer, raw);
    raw.once('close', () => {
      if (this.#coming.get(peer) === raw) this.#coming.delete(peer);
    });
  }

  /** It does; answers the TCP connection below. */
  secured(socket: TLSSocket): Socket | undefined {
    const peer = peerOf(socket);
    const raw = this.#coming.get(peer);
    this.#coming.delete(peer);
    if (raw !== undefined) this.#secured.add(socket);
    return raw;
  }

  /** Whether the handshake of TLS is over, where there is one. */
  isSecured(socket: Socket): boolean {
    return this.#secured.has(socket);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
