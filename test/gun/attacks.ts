// What a hostile peer does with one connection; it stays until it is taken away, unless it says otherwise.

import type { Socket } from 'node:net';
import { RAW_ROWS } from '../conformance/bad-inputs-raw.js';
import { requestText, upgradeText } from '../support/engine-peer.js';
import { closeFrame, frame } from '../support/web-socket-frames.js';

export interface Attack {
  readonly title: string;
  /** The connection stands; `n` is its number. */
  readonly play: (socket: Socket, n: number) => void;
}

const DRIP_EVERY_MS = 400;
const LONG_EVERY = 20;
const FORMS = ['length', 'chunks'] as const;

/** What is answered before its body is read, and how. */
const EARLY = [
  requestHead('POST', '/v1/publish', 'Authorization: Bearer wrong', 'Content-Type: application/json'),
  requestHead('POST', '/v1/poll', 'Content-Type: text/plain'),
  requestHead('POST', '/v1/stream', 'Content-Type: application/json', 'Origin: https://evil.example'),
  requestHead('PUT', '/v1/poll', 'Content-Type: application/json'),
  requestHead('POST', '/v1/connect', 'Content-Type: application/json'),
  requestHead('GET', '/livez'),
  requestHead('HEAD', '/readyz'),
  requestHead('OPTIONS', '/v1/poll', 'Origin: https://evil.example'),
  requestHead('DELETE', '/nothing'),
] as const;

function requestHead(method: string, path: string, ...lines: readonly string[]) {
  return { method, path, lines };
}

/** Each request with each form of body, whole and half, short and now and then long, in turns. */
function earlyAnswered(n: number): string {
  const early = EARLY[n % EARLY.length] ?? EARLY[0];
  const form = FORMS[Math.floor(n / EARLY.length) % FORMS.length];
  const isWhole = Math.floor(n / EARLY.length / FORMS.length) % 2 === 0;
  const body = 'x'.repeat(n % LONG_EVERY === 0 ? 100_000 : 50);
  const line = form === 'length' ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked';
  const framed = form === 'length' ? body : `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const head = requestText(early.method, early.path, [...early.lines, line]);
  return head + (isWhole ? framed : framed.slice(0, framed.length / 2));
}

function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.writable) socket.write(text.charAt(at++ % text.length));
  }, DRIP_EVERY_MS);
  socket.once('close', () => clearInterval(timer));
}

const HANDSHAKE = upgradeText().replace('/ws', '/v1/ws');

export const ATTACKS: readonly Attack[] = [
  { title: 'silent', play: () => undefined },
  { title: 'half a request', play: (socket) => socket.write('POST /v1/poll HTTP/1.1\r\nHost: a\r\nConte') },
  { title: 'half a handshake', play: (socket, n) => socket.write(HANDSHAKE.slice(0, 20 + (n % 100))) },
  {
    title: 'half a body',
    play: (socket) => socket.write(requestText('POST', '/v1/poll', ['Content-Length: 9'], '{"')),
  },
  { title: 'slow', play: (socket) => drip(socket, requestText('GET', '/livez', ['X-Slow: x'])) },
  { title: 'answered, and then idle', play: (socket) => socket.write(requestText('GET', '/livez')) },
  { title: 'refused an upgrade', play: (socket) => socket.write(upgradeText(['Origin: https://evil.example'])) },
  { title: 'a WebSocket without a ticket', play: (socket) => socket.write(HANDSHAKE) },
  {
    title: 'a WebSocket with a bad ticket, which never closes',
    play: (socket) => {
      socket.write(HANDSHAKE);
      socket.once('data', () => socket.write(frame('{"type":"connect","id":1,"version":1,"token":"bad"}')));
    },
  },
  {
    title: 'a WebSocket that says goodbye and stays',
    play: (socket) => {
      socket.write(HANDSHAKE);
      socket.once('data', () => socket.write(closeFrame(1000)));
    },
  },
  {
    title: 'malformed',
    play: (socket, n) => {
      for (const segment of RAW_ROWS[n % RAW_ROWS.length]?.segments ?? []) socket.write(segment);
    },
  },
  { title: 'answered early', play: (socket, n) => socket.write(earlyAnswered(n)) },
  {
    title: 'answered early, and reset',
    play: (socket, n) => {
      socket.write(earlyAnswered(n), () => socket.resetAndDestroy());
    },
  },
  { title: 'reset', play: (socket) => socket.resetAndDestroy() },
];
