// What engine.ts promises of HTTP requests and answers, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import { FanfareError } from '../../src/lib/errors.js';
import type { HttpExchange } from '../../src/node/engines/engine.js';
import { ENGINES, type EngineHost, type HostSetup, Queue, startEngine } from '../support/engine-host.js';
import { Peer, requestText, upgradeText } from '../support/engine-peer.js';

const CAP = 100_000;

describe.each(ENGINES)('HTTP on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async (setup?: HostSetup) => {
    const host = await startEngine(name, setup);
    hosts.push(host);
    return host;
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it('hands over what the request says, undecoded', async () => {
    const host = await start({
      request: (exchange) => {
        const { method, path, query, remoteAddress } = exchange;
        const fields = { method, path, query, remoteAddress, joined: exchange.header('x-twice') };
        const names = [...exchange.headers()].map(([header]) => header);
        exchange.respond(200, {}, JSON.stringify({ ...fields, none: exchange.header('x-none'), names }));
      },
    });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('GET', '/a%2Fb/%zz?c=%20d&c=e', ['X-Twice: 1', 'X-twice: 2']));
    const text = await peer.until((got) => got.endsWith('}'));
    expect(JSON.parse(text.slice(text.indexOf('{')))).toEqual({
      method: 'GET',
      path: '/a%2Fb/%zz',
      query: 'c=%20d&c=e',
      remoteAddress: '127.0.0.1',
      joined: '1, 2',
      names: ['host', 'x-twice', 'x-twice'],
    });
  });

  it('answers with status, headers, length and date', async () => {
    const host = await start({ request: (exchange) => exchange.respond(201, { 'X-A': 'b' }, 'grüße') });
    const response = await fetch(host.url);
    expect([response.status, response.headers.get('x-a'), response.headers.get('content-length')]).toEqual([
      201,
      'b',
      '7',
    ]);
    expect(Date.parse(response.headers.get('date') ?? '')).toBeGreaterThan(0);
    expect(await response.text()).toBe('grüße');
  });

  it('sends no body to HEAD and with 204 and 304, and keeps the connection in step', async () => {
    const host = await start({
      request: (exchange) => exchange.respond(Number(exchange.path.slice(1)), {}, exchange.path),
    });
    const peer = await Peer.connect(host.port);
    const steps = [
      ['HEAD', '/200', 'HTTP/1.1 200'],
      ['GET', '/204', 'HTTP/1.1 204'],
      ['GET', '/304', 'HTTP/1.1 304'],
      ['GET', '/202', '/202'],
    ];
    for (const [method = '', path = '', sign = ''] of steps) {
      peer.write(requestText(method, path));
      await peer.until((text) => text.includes(sign) && text.endsWith(sign === path ? path : '\r\n\r\n'));
    }
    expect(peer.text.match(/content-length: \d+/gi)?.map((line) => line.slice(16))).toEqual(['4', '4']);
  });

  it('reads bodies with a length and in chunks', async () => {
    const host = await start({
      request: (exchange) => exchange.readBody(CAP, (body) => exchange.respond(200, {}, body)),
    });
    const long = 'x'.repeat(CAP);
    for (const body of ['', 'é', long]) {
      expect(await (await fetch(host.url, { method: 'POST', body })).text()).toBe(body);
    }
    const chunks = new Blob(['one', long.slice(3)]).stream();
    const response = await fetch(host.url, { method: 'POST', body: chunks, duplex: 'half' } as RequestInit);
    expect(await response.text()).toBe(`one${long.slice(3)}`);
  });

  it('reads a body that the node asks for later', async () => {
    const turns = new Queue<() => void>();
    const host = await start({
      request: async (exchange) => {
        await new Promise<void>((resolve) => turns.push(resolve));
        exchange.readBody(400_000, (body) => exchange.respond(200, {}, String(body?.length)));
      },
    });
    for (const length of [10, 300_000]) {
      const response = fetch(host.url, { method: 'POST', body: 'x'.repeat(length) });
      // The body has had time to arrive: another request has made its round trip.
      const turn = await turns.next();
      const other = fetch(host.url);
      (await turns.next())();
      await (await other).text();
      turn();
      expect(await (await response).text()).toBe(String(length));
    }
  });

  it.each([
    ['with a length', `Content-Length: ${CAP + 1}`, 'x'.repeat(CAP + 1)],
    ['in chunks', 'Transfer-Encoding: chunked', `${(CAP + 1).toString(16)}\r\n${'x'.repeat(CAP + 1)}\r\n0\r\n\r\n`],
  ])('hands over undefined for a body one byte over the cap, %s', async (_title, line, body) => {
    const host = await start({
      request: (exchange) => {
        exchange.readBody(CAP, (got) => exchange.respond(got === undefined ? 413 : 200, {}, 'too long'));
      },
    });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('POST', '/', [line], body));
    expect(await peer.until((text) => text.includes('too long'))).toMatch(/^HTTP\/1\.1 413 /);
  });

  it.each(['Content-Length: 200000000', 'Transfer-Encoding: chunked'])(
    'stops reading at the cap when a body goes on and on (%s)',
    async (line) => {
      const host = await start({
        request: (exchange) => exchange.readBody(CAP, () => exchange.respond(413, {}, 'too long')),
      });
      const peer = await Peer.connect(host.port);
      const piece = Buffer.alloc(1024 * 1024, 'x');
      peer.write(requestText('POST', '/', [line]));
      for (let sent = 0; sent < 100; sent++) {
        if (line.startsWith('T')) peer.write('100000\r\n', piece, '\r\n');
        else peer.write(piece);
      }
      await peer.until((text) => text.includes('too long'));
      expect(peer.text).toMatch(/connection: close/i);
      // What left is in the kernel's buffers; most could not leave.
      expect(peer.socket.writableLength).toBeGreaterThan(piece.length * 50);
      peer.socket.destroy();
    },
  );

  it('keeps the connection after an answer to a small body that nobody read', async () => {
    const host = await start({ request: (exchange) => exchange.respond(401, {}, exchange.path) });
    const peer = await Peer.connect(host.port);
    for (const path of ['/a', '/b']) {
      peer.write(requestText('POST', path, ['Content-Length: 5'], 'hello'));
      await peer.until((text) => text.endsWith(path));
    }
  });

  it('throws at a second answer', async () => {
    const host = await start({
      request: (exchange) => {
        exchange.respond(200, {}, 'one');
        expect(() => exchange.respond(200, {}, 'two')).toThrow(TypeError);
        expect(() => exchange.stream(200, {})).toThrow(TypeError);
      },
    });
    expect(await (await fetch(host.url)).text()).toBe('one');
    expect(host.failures).toEqual([]);
  });

  it('answers 500 with a request id to what a handler throws or rejects with, and lives on', async () => {
    const host = await start({
      request: (exchange) => {
        if (exchange.path === '/throw') throw new Error('secret');
        if (exchange.path === '/reject') return Promise.reject(new Error('secret'));
        if (exchange.path === '/later') {
          exchange.readBody(CAP, () => {
            throw new Error('secret');
          });
        }
        if (exchange.path === '/header') exchange.respond(200, { 'X-A': 'b\r\nX-C: d' });
        if (exchange.path === '/known') throw new FanfareError('rate_limited', 'slower', { retryAfterMs: 1_500 });
        return exchange.path === '/' ? exchange.respond(200, {}, 'fine') : undefined;
      },
      errorHeaders: (origin) => ({ 'Access-Control-Allow-Origin': origin ?? 'none' }),
    });
    for (const path of ['/throw', '/reject', '/later', '/header']) {
      const response = await fetch(host.url + path, { headers: { Origin: 'https://a.example' } });
      const body = await response.text();
      expect([path, response.status, response.headers.get('content-type')]).toEqual([
        path,
        500,
        'application/problem+json',
      ]);
      expect(JSON.parse(body)).toMatchObject({
        code: 'internal',
        requestId: response.headers.get('fanfare-request-id'),
      });
      expect(response.headers.get('access-control-allow-origin')).toBe('https://a.example');
      expect(body).not.toContain('secret');
    }
    expect(host.failures).toHaveLength(4);
    const known = await fetch(`${host.url}/known`);
    expect([known.status, known.headers.get('retry-after')]).toEqual([429, '2']);
    expect(await (await fetch(host.url)).text()).toBe('fine');
  });

  it('tells of a peer that goes before its answer, once, and drops the answer', async () => {
    const exchanges = new Queue<HttpExchange>();
    const aborts = new Queue<string>();
    const host = await start({
      request: (exchange) => {
        exchange.onAbort(() => aborts.push(exchange.path));
        exchanges.push(exchange);
      },
    });
    for (const path of ['/reset', '/end']) {
      const peer = await Peer.connect(host.port);
      peer.write(requestText('GET', path));
      const exchange = await exchanges.next();
      expect(exchange.aborted).toBe(false);
      if (path === '/reset') peer.reset();
      else peer.socket.destroy();
      expect(await aborts.next()).toBe(path);
      expect(exchange.aborted).toBe(true);
      exchange.respond(200, {}, 'nobody hears');
    }
    expect(aborts.waiting).toEqual([]);
    expect(host.failures).toEqual([]);
  });

  it('does not call a body that the peer left unfinished complete', async () => {
    const aborts = new Queue<string>();
    let bodies = 0;
    const host = await start({
      request: (exchange) => {
        exchange.onAbort(() => aborts.push('gone'));
        exchange.readBody(CAP, () => {
          bodies++;
        });
      },
    });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('POST', '/', ['Content-Length: 100'], 'half'));
    await new Promise((resolve) => peer.socket.write('', resolve));
    peer.socket.end();
    peer.reset();
    await aborts.next();
    expect(bodies).toBe(0);
  });

  it('closes a connection whose refusal cannot even be made, and lives on', async () => {
    const host = await start({
      errorHeaders: () => {
        throw new Error('in errorHeaders');
      },
    });
    const texts = [
      requestText('GET', `/${'x'.repeat(5_000)}`),
      requestText('GET', '/', ['Upgrade: websocket']),
      upgradeText([], ['Sec-WebSocket-Version']),
      'noise\r\n\r\n',
    ];
    for (const text of texts) {
      const peer = await Peer.connect(host.port);
      peer.write(text);
      expect(await peer.closed).not.toContain('200 OK');
    }
    expect(host.failures.map(String)).toContain('Error: in errorHeaders');
    expect((await fetch(host.url)).status).toBe(200);
  });
});
