// Peers that are answered before or after they have sent their request whole, and what each of them does then.

import { once } from 'node:events';
import { connect } from 'node:net';
import { REST_BYTES } from '../../src/http/request-rest.js';
import type { HttpExchange } from '../../src/node/engines/engine.js';
import { Peer, requestText } from './engine-peer.js';
import { eventually } from './eventually.js';
import { heldSockets } from './server-sockets.js';

const WITHIN_MS = 30_000;
/** Through a proxy its own deadlines count, too; less than what trickles would take, which has to be ended. */
const WITHIN_THROUGH_MS = 60_000;
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

/** Answers as its path asks for: `/401`, `/read`, `/stream`, `/never`, `/throw`; behind `/slow` some turns later. */
export async function answerBy(exchange: HttpExchange): Promise<void> {
  const [, slow, last = ''] = /^(\/slow)?\/(.*)$/.exec(exchange.path) ?? [];
  if (slow !== undefined)
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  if (exchange.aborted || last === 'never') return;
  if (last === 'throw') throw new Error('a handler threw');
  if (last === 'read') {
    exchange.readBody(CAP, (body) => exchange.respond(body === undefined ? 413 : 200, {}, 'read'));
  } else if (last === 'stream') {
    const stream = exchange.stream(200, {});
    stream.write('begun');
    stream.end('ended');
  } else exchange.respond(Number(last) || 200, { 'X-A': 'b' }, last === '204' ? undefined : 'answered');
}

/** What stands before the server that is played against. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** What it takes away from each path. */
  readonly prefix: string;
  /** Has a request whole before the server gets any of it. */
  readonly buffers: boolean;
}

type End = 'FIN' | 'RST' | 'silence' | 'trickle' | 'next request';
const ENDS: readonly End[] = ['FIN', 'RST', 'silence', 'trickle', 'next request'];
const NEXT_SIZES: readonly number[] = [10, 70_000];

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
          for (const end of ENDS) {
            if ((end === 'trickle') !== (size === TRICKLED_BYTES) || (end === 'trickle' && whole)) continue;
            if (end === 'next request' && !isNext(kind, size, whole)) continue;
            for (const hasty of end === 'silence' || end === 'trickle' ? [false] : [true, false]) {
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

/** What is missing of a body has to be more than the next request: that becomes a part of it. */
function isNext(kind: Kind, size: number, whole: boolean): boolean {
  return kind.status !== undefined && NEXT_SIZES.includes(size) && (whole || size > 1_000);
}

function requestOf({ kind, framing, whole, size }: Cell, prefix: string): string {
  const body = 'x'.repeat(size);
  const line = framing === 'length' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
  const framed = framing === 'length' ? body : `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const head = requestText(kind.method, prefix + kind.path, [...(kind.lines ?? []), line]);
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
function owed({ kind, size, whole, hasty }: Cell, buffers: boolean): number | undefined {
  if (hasty || kind.status === undefined || (buffers && !whole)) return undefined;
  if (kind.status !== 413 || size > CAP) return kind.status;
  return whole ? 200 : undefined;
}

const titleOf = ({ kind, framing, whole, size, end, hasty }: Cell): string =>
  `${kind.title}, ${whole ? 'all' : 'half'} of ${size} bytes by ${framing}, ${hasty ? 'at once ' : ''}${end}`;

/** A peer that does not close when the server does. */
export function stubbornPeer(port: number): Promise<Peer> {
  return peerOf({ host: '127.0.0.1', port }, true);
}

async function peerOf({ host, port }: Pick<Proxy, 'host' | 'port'>, allowHalfOpen: boolean): Promise<Peer> {
  const socket = connect({ port, host, noDelay: true, allowHalfOpen });
  await once(socket, 'connect');
  return new Peer(socket);
}

/** Plays one peer to the end of what it does; returns what it saw when that is not what it is owed. `peers` gets it. */
async function play(to: Proxy, cell: Cell, peers: Map<Peer, string>): Promise<string | undefined> {
  const peer = await peerOf(to, cell.end === 'silence');
  const status = owed(cell, to.buffers);
  const title = titleOf(cell);
  peers.set(peer, title);
  peer.write(requestOf(cell, to.prefix));
  const answered = peer.until((text) => isAnswered(text, cell)).catch((error: Error) => error.message);
  const seen = status === undefined ? '' : await answered;
  if (cell.end === 'FIN') peer.socket.end();
  if (cell.end === 'RST') peer.reset();
  if (cell.end === 'trickle') trickle(peer);
  if (cell.end === 'next request') {
    const answers = await answersWithNext(peer, cell, to);
    if (answers.length > (cell.whole ? 2 : 1)) return `${title}: ${answers.join(', ')}`;
  }
  return status === undefined || seen.startsWith(`HTTP/1.1 ${status} `) ? undefined : `${title}: ${seen}`;
}

/** The status lines that a peer sees that sends another request: behind half of a body that is a part of it, and has no answer. */
async function answersWithNext(peer: Peer, { whole }: Cell, { prefix, buffers }: Proxy): Promise<readonly string[]> {
  const answers = () => peer.text.match(/HTTP\/1.1 [2-5]\d\d/g) ?? [];
  peer.write(requestText('GET', `${prefix}/200`));
  if (whole || !buffers) await peer.until(() => whole && answers().length > 1).catch(() => undefined);
  peer.socket.end();
  return answers();
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
  const { missed, peers } = await playCells({ host: '127.0.0.1', port, prefix: '', buffers: false }, kinds);
  await untilAllLeft(port, new Map([...peers].map(([peer, title]) => [peer.ownPort, title])));
  return missed.join('\n');
}

/**
 * The same through a proxy: no peer may see a fault of the proxy's either, and the server at `port` has none of its sockets in the end.
 * What trickles goes on until then where the proxy takes it.
 */
export async function playAllThrough(proxy: Proxy, port: number, kinds: readonly Kind[]): Promise<string> {
  const { missed, peers } = await playCells(proxy, kinds);
  const faults = () => [...peers].filter(([peer]) => /HTTP\/1.1 5\d\d/.test(peer.text)).map(([, title]) => title);
  await eventually(async () => {
    const held = await heldSockets(port);
    return held.length === 0 || `${held.length} sockets are held`;
  }, WITHIN_THROUGH_MS);
  for (const peer of peers.keys()) peer.socket.destroy();
  return [...missed, ...faults().map((title) => `a fault: ${title}`)].join('\n');
}

async function playCells(to: Proxy, kinds: readonly Kind[]) {
  const peers = new Map<Peer, string>();
  const cells = cellsOf(kinds).values();
  const missed: string[] = [];
  const inTurn = async () => {
    for (const cell of cells) {
      const text = await play(to, cell, peers);
      if (text !== undefined) missed.push(text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  return { missed, peers };
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
