// Peers that are answered before they have sent their request whole, and what each of them does then.

import { once } from 'node:events';
import { connect } from 'node:net';
import { REST_BYTES } from '../../src/http/request-rest.js';
import { Peer, requestText } from './engine-peer.js';
import { eventually } from './eventually.js';
import { heldSockets } from './server-sockets.js';

const WITHIN_MS = 30_000;
/** Over this many bytes a body is too long for whoever answers. */
export const CAP = 1_000;
const SIZES = [10, 70_000, 100_000, 1_000_000] as const;
const FRAMINGS = ['length', 'chunks'] as const;
/** What a peer sends that goes on just fast enough for uWebSockets.js, and of how much: it takes more than the test's 30 s. */
const TRICKLE = 'x'.repeat(6_000);
const TRICKLE_EVERY_MS = 250;
const TRICKLED_BYTES = 2_000_000;
/** So many peers wait for their answers side by side: what peers and server share is one thread, and the server has deadlines. */
const AT_ONCE = 100;

/** A request without its body, and whether its peer sees an answer: what is never answered is only to be given back. */
export interface Kind {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly lines?: readonly string[];
  readonly status: number | undefined;
}

type End = 'FIN' | 'RST' | 'silence' | 'trickle';

interface Cell {
  readonly kind: Kind;
  readonly framing: (typeof FRAMINGS)[number];
  readonly whole: boolean;
  readonly size: number;
  readonly end: End;
  /** The peer does what it does before it has seen the answer. */
  readonly hasty: boolean;
}

/** Every cell that there is: what goes on sending does so with a body of its own. */
function cellsOf(kinds: readonly Kind[]): readonly Cell[] {
  const all: Cell[] = [];
  for (const kind of kinds) {
    for (const framing of FRAMINGS) {
      for (const size of [...SIZES, TRICKLED_BYTES]) {
        for (const whole of [true, false]) {
          for (const end of ['FIN', 'RST', 'silence', 'trickle'] as const) {
            if ((end === 'trickle') !== (size === TRICKLED_BYTES) || (end === 'trickle' && whole)) continue;
            for (const hasty of end === 'FIN' || end === 'RST' ? [true, false] : [false]) {
              all.push({ kind, framing, whole, size, end, hasty });
            }
          }
        }
      }
    }
  }
  // What nobody answers waits for whoever sent all of a short body, as a poll does, and is owed nothing before.
  return all.filter(({ kind, whole, size, end, hasty }) => {
    const waits = whole && size < 1_000_000 && (end === 'silence' || end === 'trickle');
    return kind.status !== undefined || (!waits && (hasty || end === 'silence' || end === 'trickle'));
  });
}

function requestOf({ kind, framing, whole, size }: Cell): string {
  const body = 'x'.repeat(size);
  const line = framing === 'length' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
  const framed = framing === 'length' ? body : `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const head = requestText(kind.method, kind.path, [...(kind.lines ?? []), line]);
  return head + (whole ? framed : framed.slice(0, Math.floor(framed.length / 2)));
}

function isAnswered(text: string, { kind }: Cell): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head === -1) return false;
  // Of a stream nothing ends before the request does.
  if (kind.path === '/stream') return text.includes('begun');
  if (kind.method === 'HEAD' || kind.status === 204) return true;
  const length = /content-length: (\d+)/i.exec(text.slice(0, head))?.[1];
  return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= head + 4 + Number(length);
}

/** The status that a peer is owed before it does anything more; none where the node still waits for the body, or never answers. */
function owed({ kind, size, whole, hasty }: Cell): number | undefined {
  if (hasty || kind.status === undefined) return undefined;
  if (kind.status !== 413 || size > CAP) return kind.status;
  return whole ? 200 : undefined;
}

const titleOf = ({ kind, framing, whole, size, end, hasty }: Cell): string =>
  `${kind.title}, ${whole ? 'all' : 'half'} of ${size} bytes by ${framing}, ${hasty ? 'at once ' : ''}${end}`;

/** A peer that does not close when the server does. */
export async function stubbornPeer(port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  await once(socket, 'connect');
  return new Peer(socket);
}

/** Plays one peer to the end of what it does; returns what it saw when that is not what it is owed. `ports` gets its own. */
async function play(port: number, cell: Cell, ports: Map<number, string>): Promise<string | undefined> {
  const peer = cell.end === 'silence' ? await stubbornPeer(port) : await Peer.connect(port);
  const status = owed(cell);
  const title = titleOf(cell);
  ports.set(peer.socket.localPort ?? 0, title);
  peer.write(requestOf(cell));
  const answered = peer.until((text) => isAnswered(text, cell)).catch((error: Error) => error.message);
  const seen = status === undefined ? '' : await answered;
  if (cell.end === 'FIN') peer.socket.end();
  if (cell.end === 'RST') peer.reset();
  if (cell.end === 'trickle') trickle(peer);
  return status === undefined || seen.startsWith(`HTTP/1.1 ${status} `) ? undefined : `${title}: ${seen}`;
}

function trickle(peer: Peer): void {
  const timer = setInterval(() => peer.write(TRICKLE), TRICKLE_EVERY_MS);
  peer.socket.once('close', () => clearInterval(timer));
}

/**
 * Plays every cell of `kinds` against a server, side by side. Resolves with what peers saw instead of the answers that they
 * were owed, a line each, once the server holds no socket any more; rejects after 30 s with the cells whose sockets it holds.
 */
export async function playAll(port: number, kinds: readonly Kind[]): Promise<string> {
  const ports = new Map<number, string>();
  const cells = cellsOf(kinds).values();
  const missed: string[] = [];
  const inTurn = async () => {
    for (const cell of cells) {
      const text = await play(port, cell, ports);
      if (text !== undefined) missed.push(text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  await untilAllLeft(port, ports);
  return missed.join('\n');
}

/**
 * Resolves once the server holds none of the sockets whose peers have these ports, 30 s from now at the latest. Others do
 * not count: a port that was free a moment ago may still have clients of whoever had it.
 */
export async function untilAllLeft(port: number, titles: ReadonlyMap<number, string>): Promise<void> {
  await eventually(async () => {
    const held = (await heldSockets(port)).flatMap((peer) => titles.get(peer) ?? []);
    return held.length === 0 || `${held.length} sockets are held:\n${held.join('\n')}`;
  }, WITHIN_MS);
}

/** What a peer sees that sends a body of almost all that is read away, piece by piece, and only then reads. */
export async function answerReadLast(port: number, path: string): Promise<string> {
  const peer = await Peer.connect(port);
  peer.socket.pause();
  const piece = 'x'.repeat(64 * 1024);
  const pieces = REST_BYTES / piece.length - 1;
  peer.write(requestText('POST', path, [`Content-Length: ${pieces * piece.length}`]));
  for (let sent = 0; sent < pieces && peer.socket.writable; sent++) {
    await new Promise((resolve) => peer.socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  peer.socket.resume();
  return peer.closed;
}
