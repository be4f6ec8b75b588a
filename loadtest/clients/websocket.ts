// A WebSocket client made of a raw socket: shakes hands, subscribes, then only counts frames.

import { NOW, PATHS, PROTOCOL_VERSION } from '../../src/protocol/index.js';
import { clientFrame, OPCODE, scanFrames } from './frames.js';
import { type ClientParts, type LoadClient, openLink } from './link.js';
import { countPayloads } from './payload-scan.js';
import type { Tally } from './tally.js';

const HEAD_END = Buffer.from('\r\n\r\n');
const TYPE_FIELD = Buffer.from('{"type":"');
const MESSAGE_TYPE = Buffer.from('{"type":"message"');
/** What several messages in one frame begin with. */
const ARRAY = 0x5b;
const HEARTBEAT_TYPE = Buffer.from('{"type":"heartbeat"');

/** Opens a client; `parts.onReady` is called when the server has answered `subscribed`. */
export function openWebSocket(parts: ClientParts, tally: Tally): LoadClient {
  const positions = parts.positions ?? { [parts.channel]: NOW };
  let unanswered = Object.keys(positions).length;
  let state: 'handshake' | 'subscribing' | 'live' = 'handshake';

  const link = openLink(parts, () => link.write(upgradeRequest(parts)), onBytes);

  function onBytes(bytes: Buffer): number {
    if (state !== 'live') return state === 'handshake' ? onHandshake(bytes) : scanFrames(bytes, onFrame);
    tally.bytesIn += bytes.length;
    return scanFrames(bytes, onFrame);
  }

  function onFrame(bytes: Buffer, opcode: number, start: number, end: number): void {
    if (opcode === OPCODE.text) onText(bytes, start, end);
    else if (opcode === OPCODE.ping) link.write(clientFrame(OPCODE.pong, bytes.subarray(start, end)));
    else if (opcode === OPCODE.close) link.fail(`closed with ${bytes.readUInt16BE(start)}`);
  }

  function onHandshake(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return 0;
    const statusLine = bytes.toString('latin1', 0, bytes.indexOf('\r\n'));
    if (!statusLine.startsWith('HTTP/1.1 101')) link.fail(`upgrade answered with ${statusLine}`);
    state = 'subscribing';
    link.write(firstFrames(parts, positions));
    return end + HEAD_END.length + scanFrames(bytes.subarray(end + HEAD_END.length), onFrame);
  }

  function onText(bytes: Buffer, start: number, end: number): void {
    if (state === 'live' && bytes[start] === ARRAY) countPayloads(bytes.subarray(start, end), parts.place, tally);
    else if (state === 'live' && isMessage(bytes, start)) tally.received(parts.place, bytes, start);
    else onReply(bytes.subarray(start, end));
  }

  function onReply(frame: Buffer): void {
    const text = frame.toString();
    if (state === 'subscribing' && text.startsWith('{"type":"subscribed"')) {
      unanswered -= 1;
      if (unanswered > 0) return;
      state = 'live';
      parts.onReady();
    } else if (text.startsWith('{"type":"error"')) {
      if (state === 'live') tally.surprised(text);
      else link.fail(text);
    } else if (state === 'live' && !frame.subarray(0, HEARTBEAT_TYPE.length).equals(HEARTBEAT_TYPE)) {
      tally.surprised(text);
    }
  }

  return { bytesOut: () => link.bytesOut(), close: () => link.close() };
}

/** Only the twelfth byte decides between our event types; a bare payload has no type at all. */
function isMessage(bytes: Buffer, start: number): boolean {
  const type = start + TYPE_FIELD.length;
  // `{"type":"me` is a message; `{"t":"000…` of the bare server has a digit there.
  const letter = bytes[type];
  if (letter === MESSAGE_TYPE[TYPE_FIELD.length]) return bytes[type + 1] === MESSAGE_TYPE[TYPE_FIELD.length + 1];
  return letter !== undefined && letter < 0x3a;
}

function upgradeRequest(parts: ClientParts): string {
  return [
    `GET ${PATHS.websocket} HTTP/1.1`,
    `Host: ${parts.host}:${parts.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: ZmFuZmFyZSBsb2FkIHRlcw==',
    'Sec-WebSocket-Version: 13',
    '\r\n',
  ].join('\r\n');
}

function firstFrames(parts: ClientParts, channels: Readonly<Record<string, string>>): Buffer {
  if (parts.token === undefined) return clientFrame(OPCODE.text, parts.channel);
  const features = parts.joins === true ? { features: ['batch', 'brief'] } : {};
  const connect = { type: 'connect', id: 1, version: PROTOCOL_VERSION, token: parts.token, ...features };
  const subscribe = { type: 'subscribe', id: 2, channels };
  return Buffer.concat([connect, subscribe].map((command) => clientFrame(OPCODE.text, JSON.stringify(command))));
}
