// Hand-built HTTP/1.1 requests, and a scanner of messages that carry a Content-Length.

import type { ClientParts } from './link.js';

const HEAD_END = Buffer.from('\r\n\r\n');

/** The head and body of a POST of JSON. */
export function postRequest(parts: Pick<ClientParts, 'host' | 'port' | 'token'>, path: string, body: string): Buffer {
  return Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      `Host: ${parts.host}:${parts.port}`,
      ...(parts.token === undefined ? [] : [`Authorization: Bearer ${parts.token}`]),
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

export interface Answer {
  readonly status: number;
  readonly bodyStart: number;
  /** Where the answer ends. */
  readonly end: number;
  /** The server closes behind it. */
  readonly closes: boolean;
}

/** The first answer in `bytes`, or `undefined` while it is not complete. A request ends in the same way. */
export function scanAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const bodyStart = headEnd + HEAD_END.length;
  const end = bodyStart + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  if (end > bytes.length) return undefined;
  return { status: Number(head.slice(9, 12)), bodyStart, end, closes: /\r\nconnection: *close/i.test(head) };
}
