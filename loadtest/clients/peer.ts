// Clients of servers that are no Fanfare: each speaks as its server wants it, over raw sockets like the others.

import type { Transport } from '../../src/protocol/index.js';
import { PAYLOAD_MARK } from '../payload.js';
import { clientFrame, OPCODE, scanFrames } from './frames.js';
import { scanAnswer } from './http.js';
import { type ClientParts, type Dialect, type LoadClient, openLink } from './link.js';
import { countPayloads } from './payload-scan.js';
import type { Tally } from './tally.js';

/** How a peer is spoken to. */
export interface Peer {
  readonly path: (channel: string) => string;
  /** What a text asks for over a WebSocket: an answer, and whether the client is subscribed now. */
  readonly onText?: (text: string, channel: string) => Reply;
}

interface Reply {
  readonly send?: string;
  readonly isReady?: boolean;
}

const NOTHING: Reply = {};
const HEAD_END = Buffer.from('\r\n\r\n');
const MOST_CONTROL_BYTES = 1_000;

/** By the dialect; those that are absent are spoken by the clients of Fanfare. */
export const PEERS: Readonly<Partial<Record<Dialect, Peer>>> = {
  socketio: {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    onText: (text, channel) => {
      if (text.startsWith('0')) return { send: '40' };
      if (text.startsWith('40')) return { send: `42["join",${JSON.stringify(channel)}]` };
      if (text.startsWith('42["joined"')) return { isReady: true };
      return text === '2' ? { send: '3' } : NOTHING;
    },
  },
  nats: {
    path: () => '/',
    onText: (text, channel) => {
      if (text.startsWith('INFO'))
        return { send: `CONNECT {"verbose":false,"pedantic":false}\r\nSUB ${channel} 1\r\nPING\r\n` };
      if (text.startsWith('PONG')) return { isReady: true };
      return text.startsWith('PING') ? { send: 'PONG\r\n' } : NOTHING;
    },
  },
  // It subscribes by the path alone, and says nothing.
  nchan: { path: (channel) => `/sub/${channel}` },
};

export function openPeer(peer: Peer, transport: Transport, parts: ClientParts, tally: Tally): LoadClient {
  switch (transport) {
    case 'websocket':
      return openSocket(peer, parts, tally);
    case 'sse':
      return openEvents(peer, parts, tally);
    case 'long-poll':
      return openLongPoll(peer, parts, tally);
    case 'short-poll':
      throw new TypeError('no peer is polled with pauses');
  }
}

function head(peer: Peer, parts: ClientParts, ...fields: readonly string[]): string {
  return [`GET ${peer.path(parts.channel)} HTTP/1.1`, `Host: ${parts.host}:${parts.port}`, ...fields, '\r\n'].join(
    '\r\n',
  );
}

function openSocket(peer: Peer, parts: ClientParts, tally: Tally): LoadClient {
  let state: 'handshake' | 'subscribing' | 'live' = 'handshake';
  const upgrade = head(
    peer,
    parts,
    ...['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: ZmFuZmFyZSBsb2FkIHRlcw=='],
    'Sec-WebSocket-Version: 13',
  );
  const link = openLink(parts, () => link.write(upgrade), onBytes);

  function onBytes(bytes: Buffer): number {
    if (state === 'handshake') return onHandshake(bytes);
    if (state === 'live') tally.bytesIn += bytes.length;
    return scanFrames(bytes, onFrame);
  }

  function onHandshake(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return 0;
    if (!bytes.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
      link.fail(`upgrade answered with ${bytes.toString('latin1', 0, bytes.indexOf('\r\n'))}`);
      return bytes.length;
    }
    state = 'subscribing';
    const after = end + HEAD_END.length;
    if (peer.onText === undefined) becomeReady();
    return after + scanFrames(bytes.subarray(after), onFrame);
  }

  function becomeReady(): void {
    state = 'live';
    parts.onReady();
  }

  function onFrame(bytes: Buffer, opcode: number, start: number, end: number): void {
    if (opcode === OPCODE.ping) return link.write(clientFrame(OPCODE.pong, bytes.subarray(start, end)));
    if (opcode === OPCODE.pong) return;
    if (opcode === OPCODE.close) return link.fail(`closed with ${bytes.readUInt16BE(start)}`);
    const frame = bytes.subarray(start, end);
    if (state !== 'live' || !frame.includes(PAYLOAD_MARK)) return onControl(frame);
    const done = countPayloads(frame, parts.place, tally);
    if (frame.includes(PAYLOAD_MARK, done)) tally.surprised('a message that a frame cuts');
  }

  function onControl(frame: Buffer): void {
    const { send, isReady } = peer.onText?.(frame.toString('latin1', 0, MOST_CONTROL_BYTES), parts.channel) ?? NOTHING;
    if (send !== undefined) link.write(clientFrame(OPCODE.text, send));
    if (isReady === true && state === 'subscribing') becomeReady();
  }

  return { bytesOut: () => link.bytesOut(), close: () => link.close() };
}

const STREAMING = Buffer.from(': hi');

function openEvents(peer: Peer, parts: ClientParts, tally: Tally): LoadClient {
  let live = false;
  const link = openLink(parts, () => link.write(head(peer, parts, 'Accept: text/event-stream')), onBytes);

  function onBytes(bytes: Buffer): number {
    if (live) {
      tally.bytesIn += bytes.length;
      return countPayloads(bytes, parts.place, tally);
    }
    if (!bytes.includes(STREAMING)) return 0;
    live = true;
    parts.onReady();
    return bytes.length;
  }

  return { bytesOut: () => link.bytesOut(), close: () => link.close() };
}

/** Its position is in two headers, which each answer brings and the next request carries. */
function openLongPoll(peer: Peer, parts: ClientParts, tally: Tally): LoadClient {
  const link = openLink(
    parts,
    () => {
      link.write(head(peer, parts));
      // The first answer comes with the first message.
      parts.onReady();
    },
    (bytes) => {
      const answer = scanAnswer(bytes);
      if (answer === undefined) return 0;
      tally.bytesIn += answer.end;
      tally.polls += 1;
      const fields = bytes.toString('latin1', 0, answer.bodyStart);
      const field = (name: string) => new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'i').exec(fields)?.[1] ?? '';
      if (answer.status === 200) countPayloads(bytes.subarray(answer.bodyStart, answer.end), parts.place, tally);
      else if (answer.status !== 304) link.fail(`poll answered with ${bytes.toString('utf8', 0, 200)}`);
      const position = [`If-Modified-Since: ${field('last-modified')}`, `If-None-Match: ${field('etag')}`];
      link.write(head(peer, parts, ...position));
      return answer.end;
    },
  );
  return { bytesOut: () => link.bytesOut(), close: () => link.close() };
}
