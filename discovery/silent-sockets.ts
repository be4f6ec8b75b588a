// The sockets of a server that have neither been answered nor gone, each counted for its address.

import type { Socket } from 'node:net';
import { type HandshakeBound, Handshakes } from '../src/http/handshakes.js';

export class SilentSockets {
  readonly #handshakes: Handshakes;
  /** By their peers: with TLS, a request knows another socket than the one that came. */
  readonly #begun = new Map<string, number>();

  constructor(bound: HandshakeBound) {
    this.#handshakes = new Handshakes(bound);
  }

  /** Counts one that has come, until it closes at the latest; false: it is to be refused. */
  came(socket: Socket): boolean {
    const begun = this.#handshakes.begin(socket.remoteAddress ?? '');
    if (begun === undefined) return false;
    const [peer, address] = [peerOf(socket), socket.remoteAddress ?? ''];
    this.#begun.set(peer, begun);
    socket.once('close', () => this.#end(peer, address));
    return true;
  }

  /** It has shown itself, and counts no more. */
  answered(socket: Socket): void {
    this.#end(peerOf(socket), socket.remoteAddress ?? '');
  }

  /** Whether its address has so many that whoever is answered there shall not keep its connection. */
  isCrowded(socket: Socket): boolean {
    return this.#handshakes.hasCrowd && this.#handshakes.isCrowded(socket.remoteAddress ?? '');
  }

  #end(peer: string, address: string): void {
    const begun = this.#begun.get(peer);
    if (begun === undefined) return;
    this.#begun.delete(peer);
    this.#handshakes.end(address, begun);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
