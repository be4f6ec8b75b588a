// Bytes for a peer for whom none wait: straight to the kernel, past the queue of node:net.

import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** What carries a socket. */
interface Handle {
  readonly fd?: number;
}

const KNOWN = Symbol('known handle');
const DESCRIPTOR = Symbol('descriptor');

/** What node:net does not show of its sockets, and what is kept with them. */
interface Handled extends Socket {
  readonly _handle?: Handle | null;
  /** The handle whose descriptor was looked up: node:net lets go of one when it closes it, and no other has its descriptor before. */
  [KNOWN]?: Handle;
  [DESCRIPTOR]?: number;
  /** Of TLS: what it writes is not what goes over the wire. */
  readonly encrypted?: boolean;
}

/**
 * Answers how many of `bytes` the kernel has taken: mostly all; 0 also where they have to stand behind others, and where the socket is
 * none that can be written to like this. What is left is to be written as usual, which tells of what goes wrong.
 *
 * Measured: a frame is a twentieth cheaper, and a chunk of a stream a quarter, for the objects that node:net and node:http make for each write.
 */
export function takenAtOnce(socket: Handled, bytes: Buffer): number {
  if (socket.writableLength > 0 || socket.writableCorked > 0 || socket.writableEnded) return 0;
  const descriptor = descriptorOf(socket);
  if (descriptor < 0) return 0;
  try {
    return writeSync(descriptor, bytes);
  } catch {
    return 0;
  }
}

/** Looked up once for each handle: the look takes a third of a microsecond. Negative where there is none to write to. */
function descriptorOf(socket: Handled): number {
  const { _handle: handle } = socket;
  if (handle === null || handle === undefined) return -1;
  if (socket[KNOWN] !== handle) {
    socket[KNOWN] = handle;
    socket[DESCRIPTOR] = socket.encrypted === true ? -1 : (handle.fd ?? -1);
  }
  return socket[DESCRIPTOR] ?? -1;
}

/** `socket.write(bytes)`, at once where that may be. */
export function writeDirectly(socket: Socket, bytes: Buffer): void {
  const taken = takenAtOnce(socket, bytes);
  if (taken < bytes.length) socket.write(taken === 0 ? bytes : bytes.subarray(taken));
}
