// Opens a WebSocket as a client does, connects with a ticket, and says what the node answered first.

import { randomBytes } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { after } from '../../lib/timers.js';
import { PATHS, PROTOCOL_VERSION } from '../../protocol/index.js';

export interface SocketAnswer {
  /** 101 where the WebSocket was opened. */
  readonly status: number;
  readonly httpVersion: string;
  /** The first message or, where it was closed instead, the reason; of what is no upgrade the body. Empty when nothing came. */
  readonly text: string;
}

export interface SocketQuestion {
  /** Absent: only the upgrade is asked for. */
  readonly ticket?: string;
  readonly origin?: string;
}

const WITHIN_MS = 5_000;
const MAX_BYTES = 64 * 1024;
const TEXT = 0x81;
const CLOSE = 0x88;

/** Rejects when there is no answer, with the reason of the socket. */
export function askSocket(base: string, { ticket, origin }: SocketQuestion): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const url = `${base}${PATHS.websocket}`;
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
      agent: false,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
        ...(origin !== undefined && { Origin: origin }),
      },
    });
    let opened: Duplex | undefined;
    const late = after(WITHIN_MS, () => {
      const error = new Error(`no answer within ${WITHIN_MS / 1_000} s`);
      opened?.destroy(error);
      request.destroy(error);
    });
    const end = (answer: SocketAnswer) => {
      clearTimeout(late);
      resolve(answer);
    };
    request.on('error', (error) => {
      clearTimeout(late);
      reject(error);
    });
    request.once('upgrade', ({ statusCode: status = 101, httpVersion }, socket, head) => {
      opened = socket;
      const answered = (text: string) => end({ status, httpVersion, text });
      if (ticket === undefined) {
        socket.destroy();
        return answered('');
      }
      socket.on('error', reject);
      firstOf(socket, head).then(answered, reject);
      socket.write(frame(JSON.stringify({ type: 'connect', id: 1, version: PROTOCOL_VERSION, token: ticket })));
    });
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (text.length < MAX_BYTES) text += chunk;
      });
      const { statusCode: status = 0, httpVersion } = response;
      response.once('close', () => end({ status, httpVersion, text }));
    });
    request.end();
  });
}

/** The first message or closing reason; closes the socket. Resolves with nothing when it ends before. */
function firstOf(socket: Duplex, head: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const take = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const text = payloadOf(read);
      if (text === undefined && read.length < MAX_BYTES) return;
      // 1000: whatever the node holds for it is given up at once.
      socket.end(frame(Buffer.from([0x03, 0xe8]), CLOSE));
      resolve(text ?? '');
    };
    socket.on('data', take).once('close', () => resolve(''));
    take(head);
  });
}

/** Of the first whole frame; what a closing one says begins behind its code. */
function payloadOf(bytes: Buffer): string | undefined {
  const short = (bytes[1] ?? 0) & 127;
  const start = short === 126 ? 4 : 2;
  if (bytes.length < start) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < start + length) return undefined;
  return bytes.toString('utf8', start + (bytes[0] === CLOSE ? 2 : 0), start + length);
}

/** Masked, as clients' frames are (RFC 6455 section 5.3). Throws for what is longer than 64 KiB. */
function frame(payload: string | Buffer, first: number = TEXT): Buffer {
  const plain = Buffer.from(payload as string);
  const head = Buffer.from(plain.length < 126 ? [first, 128 | plain.length] : [first, 128 | 126, 0, 0]);
  if (plain.length >= 126) head.writeUInt16BE(plain.length, 2);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, plain.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}
