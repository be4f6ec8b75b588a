// An HTTP answer as bytes, for a socket that node:http has let go of.

import { STATUS_CODES } from 'node:http';
import type { ProblemAnswer } from './problem.js';

/** The whole answer; the connection is to be closed behind it. */
export function rawAnswer({ status, headers, body }: ProblemAnswer): string {
  const all = { ...headers, 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${lines.join('')}\r\n${body}`;
}
