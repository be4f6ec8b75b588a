// One HTTP request as a client makes it, on a connection of its own, and what came back: also from what is no server of ours.

import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { after } from '../../lib/timers.js';

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

export interface Answer {
  /** 101 where the connection was upgraded; it is closed then. */
  readonly status: number;
  /** Of who answered: `1.0`, `1.1`. */
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** What the text says, where it is a JSON object; else empty. */
  readonly json: Readonly<Record<string, unknown>>;
  /** From the question to the answer's first byte. */
  readonly tookMs: number;
}

/** Chosen: a client has given up by then. */
const WITHIN_MS = 5_000;
/** Metrics of a node have some 20 KB. */
const MAX_CHARS = 1_000_000;

/** Rejects when there is no answer, with the reason of the socket. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Question = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const sentMs = performance.now();
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
      method,
      agent: false,
      headers: {
        ...headers,
        ...(text !== undefined && {
          'Content-Type': 'application/json',
          'Content-Length': String(Buffer.byteLength(text)),
        }),
      },
    });
    const late = after(WITHIN_MS, () => request.destroy(new Error(`no answer within ${WITHIN_MS / 1_000} s`)));
    request.once('close', () => clearTimeout(late));
    request.on('error', reject);
    request.once('upgrade', ({ statusCode = 101, httpVersion, headers: answered }, socket) => {
      socket.destroy();
      const tookMs = performance.now() - sentMs;
      resolve({ status: statusCode, httpVersion, headers: answered, text: '', json: {}, tookMs });
    });
    request.once('response', (response) => {
      const tookMs = performance.now() - sentMs;
      let read = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (read.length < MAX_CHARS) read += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode: status = 0, httpVersion, headers: answered } = response;
        resolve({ status, httpVersion, headers: answered, text: read, json: objectIn(read), tookMs });
      });
    });
    request.end(text);
  });
}

/** The headers of who has this key or token; none without. */
export function bearer(key: string | undefined): Readonly<Record<string, string>> {
  return key === undefined ? {} : { Authorization: `Bearer ${key}` };
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    // A proxy's page.
    return {};
  }
}
