// Odd requests, by a seed, to both engines and to discovery: what becomes of each is the same everywhere, but for what is written down.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDiscoveryServer, type DiscoveryServer } from '../../discovery/server.js';
import { requestUrl } from '../../src/http/request-url.js';
import type { HttpExchange } from '../../src/node/engines/engine.js';
import { ENGINES, type EngineHost, startEngine } from '../support/engine-host.js';
import { Peer } from '../support/engine-peer.js';
import { Random } from '../support/random.js';

const REQUESTS = 500;
const AT_ONCE = 50;
/** How often a part of a request is picked among all, and not the first of them, which is good. */
const ODDNESS = 0.4;
const SEED = Number(process.env.FANFARE_TEST_SEED ?? 20261126);

/** One part of a request, and who is known to read it in another way than the others. */
type Part = readonly [text: string, ...known: string[]];

const parts = (...texts: readonly string[]): readonly Part[] => texts.map((text) => [text]);
const hello = (lines: string): string => `${lines}\r\n\r\nhello`;
const chunks = (lines: string): string => `${lines}\r\n\r\n0\r\n\r\n`;

// What the native parser of uWebSockets.js refuses by itself, and node:http does not: see the table of docs/OPERATIONS.md.
const METHODS = parts('GET', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'get', 'G@T', '');
const TARGETS = [
  ...parts('/', '/a?b=c', '/%61', '/a%2fb', '/?', '/a#b', '/a;b', "/a'b", '/a b', '//a', '/a/../b', '/\\a'),
  ...([
    ['http://localhost/', 'uws', 'discovery'],
    ['*', 'uws', 'discovery'],
    ['', 'uws'],
  ] as const),
];
const VERSIONS: readonly Part[] = [
  ...parts('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1', 'HTTP/1.1 '),
  ['HTTP/1.0', 'uws'],
];
const HOSTS = parts('Host: localhost', 'Host: localhost', 'Host: a', 'host:localhost', 'Host: a\r\nHost: b', 'X-A: b');
const LINES = [
  ...parts('', '', '', 'X-A: b', 'X-A:b', 'X-A:', 'X-A: b\r\nX-A: c', 'X-A : b', ' X-A: b', 'X-A: b\r\n c'),
  ...parts('X-A: \u0001', 'X-A: b\0c', 'X-A: \u00ff', 'X-A', 'X(A): b', 'Upgrade: h2c\r\nConnection: upgrade'),
  [': b', 'uws'] as const,
  ['X_A: b', 'uws'] as const,
  ...parts(
    'Expect: 100-continue',
    'Connection: close',
    'Connection: x, keep-alive',
    'Authorization: a\r\nAuthorization: b',
  ),
];
const BODIES = [
  ...parts('\r\n', '\r\n', 'Content-Length: 0\r\n\r\n', 'Content-Length: -1\r\n\r\n', 'Content-Length: \r\n\r\n'),
  ...parts(...['5', '05', '+5', '0x5', '5, 5', '5 '].map((length) => hello(`Content-Length: ${length}`))),
  ...parts(...['5', '6'].map((length) => hello(`Content-Length: 5\r\nContent-Length: ${length}`))),
  ...parts('Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', chunks('Transfer-Encoding: Chunked')),
  ...parts(chunks('Transfer-Encoding: chunked\r\nContent-Length: 5'), chunks('Transfer-Encoding: gzip')),
  ...parts(chunks('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'), chunks('Transfer-Encoding: x')),
];

interface Odd {
  readonly text: string;
  /** Who may do otherwise. */
  readonly known: ReadonlySet<string>;
}

function oddRequests(): readonly Odd[] {
  const random = new Random(SEED);
  return Array.from({ length: REQUESTS }, () => {
    const chosen = [METHODS, TARGETS, VERSIONS, HOSTS, LINES, BODIES].map((all) => {
      return random.chance(ODDNESS) ? random.pick<Part>(all) : (all[0] ?? ['']);
    });
    const [method, target, version, host, line, body] = chosen.map(([text]) => text);
    const lines = [`${method} ${target} ${version}`, host, ...(line === '' ? [] : [line])].join('\r\n');
    return { text: `${lines}\r\n${body}`, known: new Set(chosen.flatMap(([, ...known]) => known)) };
  });
}

function isOdd({ path, query }: HttpExchange): boolean {
  try {
    requestUrl(query === '' ? path : `${path}?${query}`);
    return false;
  } catch {
    return true;
  }
}

/** `served`, or `refused`: by an answer, or by the end of the connection. */
async function fateOf(port: number, { text }: Odd): Promise<string> {
  const peer = await Peer.connect(port);
  peer.write(Buffer.from(text, 'latin1'));
  peer.socket.end();
  const answer = (await peer.closed).replace(/^(HTTP\/1.1 100 Continue\r\n\r\n)+/, '');
  return /^HTTP\/1.1 2/.test(answer) ? 'served' : 'refused';
}

describe('500 odd requests', () => {
  const hosts: EngineHost[] = [];
  let discovery: DiscoveryServer;
  const ports = new Map<string, number>();
  beforeAll(async () => {
    for (const name of ENGINES) {
      const host = await startEngine(name, {
        request: (exchange) => {
          // As `start` does, which serves discovery's paths too.
          if (isOdd(exchange)) return exchange.respond(404, {}, 'odd');
          exchange.readBody(1_000, () => exchange.respond(200, {}, 'ok'));
        },
      });
      hosts.push(host);
      ports.set(name, host.port);
    }
    const answer = async (request: Request) => {
      await request.arrayBuffer();
      return new Response('ok');
    };
    discovery = createDiscoveryServer(answer, { host: '127.0.0.1', port: 0 });
    ports.set('discovery', (await discovery.start()).port);
  });
  afterAll(async () => {
    await Promise.all([...hosts.map((host) => host.close()), discovery.close()]);
  });

  it(`have the same fate at both engines and discovery (seed ${SEED})`, async () => {
    const odd = oddRequests().values();
    const differences: string[] = [];
    let [served, refused] = [0, 0];
    const inTurn = async () => {
      for (const request of odd) {
        const fates = await Promise.all(
          [...ports].map(async ([name, port]) => [name, await fateOf(port, request)] as const),
        );
        const compared = fates.filter(([name]) => !request.known.has(name));
        if (new Set(compared.map(([, fate]) => fate)).size > 1) {
          differences.push(`${JSON.stringify(request.text)}: ${fates.map((fate) => fate.join(' ')).join(', ')}`);
        }
        if (compared[0]?.[1] === 'served') served++;
        else refused++;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
    expect(differences).toEqual([]);
    expect(Math.min(served, refused)).toBeGreaterThan(REQUESTS / 10);
  });
});
