// Bodies in chunks of one byte: the most pieces that so many bytes can come in.

import { Peer, requestText } from './engine-peer.js';
import { heldBytes } from './held-bytes.js';

/** Below what either engine reads ahead. */
export const BODY_BYTES = 15_000;
export const BODY = Array.from({ length: BODY_BYTES }, (_, at) => at % 10).join('');
/** Chunks without their end. */
export const CHUNKS = Buffer.from([...BODY].map((digit) => `1\r\n${digit}\r\n`).join(''));
export const END = '0\r\n\r\n';
/** What peers may cost beside the bytes of their bodies: a buffer for each piece would take three times as much. */
const ROOM_BYTES = 12 * 1024 * 1024;
const PEERS = 12;

export const chunkedHead = (path: string, lines: readonly string[] = []): string =>
  requestText('POST', path, ['Transfer-Encoding: chunked', ...lines]);

export interface HeldBodies {
  readonly peers: readonly Peer[];
  /** What they cost. */
  readonly bytes: number;
  readonly room: number;
}

/** Peers that send `text` and do not go on, and what the server in this process holds for them; `other` asks and is answered meanwhile. */
export async function holdBodies(port: number, text: readonly (string | Buffer)[]): Promise<HeldBodies> {
  const before = heldBytes();
  const peers = await Promise.all(Array.from({ length: PEERS }, () => Peer.connect(port)));
  for (const peer of peers) peer.write(...text);
  await Promise.all(peers.map(({ socket }) => drained(socket)));
  // Rounds of a peer that reads, so that the others have had theirs.
  const other = await Peer.connect(port);
  for (let round = 1; round <= 50; round++) {
    other.write(requestText('GET', '/other'));
    await other.until((got) => got.split('HTTP/1.1 200 ').length - 1 === round);
  }
  other.socket.destroy();
  return { peers, bytes: heldBytes() - before, room: ROOM_BYTES };
}

function drained(socket: Peer['socket']): Promise<void> {
  return new Promise((resolve) => socket.write('', () => resolve()));
}
