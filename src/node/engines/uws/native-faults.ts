// Asks the installed build of uWebSockets.js what it gets wrong of HTTP: builds differ, and their versions do not tell.

import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { connect } from 'node:net';
import { after, soon } from '../../../lib/timers.js';

type Uws = typeof import('uWebSockets.js');

const LINES = 'Host: localhost\r\nConnection: close\r\n';
const CHUNKED = `POST /body HTTP/1.1\r\n${LINES}Transfer-Encoding: chunked\r\n\r\n`;
/** How long an answer that is wrong is waited for. Chosen: it is a matter of milliseconds, and nobody waits for this. */
const DEADLINE_MS = 3_000;
/** Chosen: two writes so far apart are two segments. */
const SEGMENT_MS = 50;

interface Question {
  readonly fault: string;
  /** In so many segments. */
  readonly request: readonly string[];
  /** What is answered where it is right. */
  readonly right: RegExp;
}

const QUESTIONS: readonly Question[] = [
  {
    fault: 'HTTP/1.0 is refused with 505',
    request: [`GET /body HTTP/1.0\r\n${LINES}\r\n`],
    right: /^HTTP\/1\.[01] 200 /,
  },
  {
    fault: 'a request line in two segments is refused with 505',
    request: ['GET /bo', `dy HTTP/1.1\r\n${LINES}\r\n`],
    right: /^HTTP\/1\.1 200 /,
  },
  {
    fault: 'extensions of chunks are misread',
    // As a digit it makes the chunk longer than all that comes.
    request: [`${CHUNKED}2;1\r\nok\r\n0\r\n\r\n`],
    right: /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n2 bytes/,
  },
  {
    fault: 'trailers are taken for a request',
    request: [`${CHUNKED}2\r\nok\r\n0\r\nX-A: b\r\n\r\n`],
    right: /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n2 bytes/,
  },
  {
    fault: 'a request behind one that waits for its answer ends both',
    request: [`GET /later HTTP/1.1\r\nHost: localhost\r\n\r\nGET /later HTTP/1.1\r\n${LINES}\r\n`],
    right: /^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 200 /,
  },
  {
    fault: 'a chunk of a stream ends with the next one',
    request: ['GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    right: /\r\n2\r\nok\r\n$/,
  },
];

/** Resolves with what is wrong, in words for the log; with nothing where it cannot be found out. */
export async function nativeFaults(uws: Uws): Promise<readonly string[]> {
  const app = uws.App();
  app.any('/*', answer);
  const socket = await new Promise<Parameters<Uws['us_socket_local_port']>[0] | false>((resolve) => {
    app.listen('127.0.0.1', 0, resolve);
  });
  if (socket === false) return [];
  const faults = await faultsAt(uws.us_socket_local_port(socket));
  app.close();
  return faults;
}

/**
 * The same of whatever serves at this port. It answers with `<n> bytes` to a body of so many, at `/later` a turn later; at `/stream`
 * with a chunk `ok` that another would follow.
 */
export async function faultsAt(port: number): Promise<readonly string[]> {
  const asked = QUESTIONS.map(async ({ fault, request, right }) => {
    return (await isRight(port, request, right)) ? [] : [fault];
  });
  return (await Promise.all(asked)).flat();
}

function answer(res: HttpResponse, req: HttpRequest): void {
  const path = req.getUrl();
  let length = 0;
  let isGone = false;
  const end = (): void => {
    if (!isGone) res.cork(() => res.end(`${length} bytes`));
  };
  res.onAborted(() => {
    isGone = true;
  });
  if (path === '/stream') return void res.write('ok');
  if (path === '/later') return void soon(end);
  res.onData((chunk, isLast) => {
    length += chunk.byteLength;
    if (isLast) end();
  });
}

/** Whether what comes is right, before the connection goes or time is up; also where there is no connection. */
function isRight(port: number, [first = '', second]: readonly string[], right: RegExp): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    let isConnected = false;
    const peer = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      isConnected = true;
      peer.write(first);
    });
    const late = after(DEADLINE_MS, () => peer.destroy());
    const next = after(SEGMENT_MS, () => {
      if (second !== undefined && peer.writable) peer.write(second);
    });
    peer.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (right.test(text)) peer.destroy();
    });
    // Told by `close` too.
    peer.on('error', () => undefined);
    peer.once('close', () => {
      clearTimeout(late);
      clearTimeout(next);
      resolve(!isConnected || right.test(text));
    });
  });
}
