// Requests that stand behind others, on both engines: one answer is under way on a connection, and nothing hides behind a request.

import { afterEach, describe, expect, it } from 'vitest';
import type { HttpExchange } from '../../src/node/engines/engine.js';
import { ENGINES, type EngineHost, type HostSetup, startEngine } from '../support/engine-host.js';
import { Peer, requestText, untilServed, upgradeText } from '../support/engine-peer.js';
import { heldBytes } from '../support/held-bytes.js';

const LARGE = 'x'.repeat(300_000);
const ROOM_BYTES = 48 * 1024 * 1024;
const GET = requestText('GET', '/');

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await turn();
}

/** The connection goes, or what came fits. */
const fitsOrGone = (peer: Peer, fits: (text: string) => boolean) => peer.until(fits).catch(() => peer.text);

describe.each(ENGINES)('pipelines on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async (setup: HostSetup) => {
    const host = await startEngine(name, setup);
    hosts.push(host);
    return host;
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it.each([
    ['large answers', (exchange: HttpExchange) => exchange.respond(200, {}, exchange.path === '/' ? LARGE : '')],
    ['small answers', (exchange: HttpExchange) => exchange.respond(404, { 'X-A': 'b'.repeat(200) }, 'nothing here')],
  ])('holds next to nothing for peers that ask a thousand times and read none of it: %s', async (_title, request) => {
    const host = await start({ request });
    const before = heldBytes();
    const peers = await Promise.all(Array.from({ length: 4 }, () => Peer.connect(host.port)));
    for (const peer of peers) {
      peer.socket.pause();
      peer.write(GET.repeat(1_000));
    }
    // Rounds of a peer that reads, so that the others have had theirs.
    const other = await Peer.connect(host.port);
    for (let round = 1; round <= 50; round++) {
      other.write(requestText('GET', '/other'));
      await other.until((text) => text.split('HTTP/1.1 ').length - 1 === round);
    }
    expect(heldBytes() - before).toBeLessThan(ROOM_BYTES);
    for (const peer of peers) peer.reset();
  });

  // There a request waits until the answer before its own has left.
  if (name === 'uws') {
    it('lets go of a peer that asks on and on for answers without a body, and reads none of them', async () => {
      const host = await start({ request: (exchange) => exchange.respond(204, { 'X-A': 'b'.repeat(200) }) });
      const peer = await Peer.connect(host.port);
      peer.socket.pause();
      let asked = 0;
      for (; asked < 50_000 && !peer.socket.destroyed; asked++) {
        peer.write(GET);
        await turns(3);
      }
      expect(asked).toBeGreaterThan(1_000);
      expect(asked).toBeLessThan(50_000);
    });
  }

  it('serves at most one request of a connection in a turn', async () => {
    let now = 0;
    let last = -1;
    const inOneTurn: number[] = [];
    const host = await start({
      request: (exchange) => {
        if (now === last) inOneTurn.push(now);
        last = now;
        exchange.respond(200, {}, 'ok');
      },
    });
    let isCounting = true;
    const counting = (async () => {
      for (; isCounting; now++) await turn();
    })();
    const peer = await Peer.connect(host.port);
    peer.write(GET.repeat(20));
    await fitsOrGone(peer, (text) => text.split('HTTP/1.1 200').length - 1 === 20);
    isCounting = false;
    await counting;
    expect(inOneTurn).toEqual([]);
    await untilServed(host.port);
  });

  it('answers what it has taken before the next one, however three requests come', async () => {
    const taken: string[] = [];
    const host = await start({
      request: (exchange) => {
        const take = (body: Buffer | undefined): void => {
          if (exchange.path === '/') return exchange.respond(200, {}, 'ok');
          taken.push(`took ${body}`);
          void turns(10).then(() => exchange.respond(200, {}, `took ${body}`));
        };
        exchange.readBody(1_000, take, true);
      },
    });
    const three = [1, 2, 3].map((n) => requestText('POST', '/take', ['Content-Length: 1'], String(n)));
    const whole = three.join('');
    for (const pieces of [[whole], three, [whole.slice(0, 100), whole.slice(100)], [...whole]]) {
      taken.length = 0;
      const peer = await Peer.connect(host.port);
      for (const piece of pieces) await new Promise((resolve) => peer.socket.write(piece, resolve));
      const text = await fitsOrGone(peer, (got) => got.includes('took 3'));
      expect(text.match(/took \d/g) ?? []).toEqual(taken);
      peer.reset();
    }
    // Each while the one before is being done.
    taken.length = 0;
    const peer = await Peer.connect(host.port);
    for (const [before, piece] of three.entries()) {
      peer.write(piece);
      for (let count = 0; count < 50 && taken.length <= before; count++) await turn();
    }
    expect((await fitsOrGone(peer, (got) => got.includes('took 3'))).match(/took \d/g)).toEqual(taken);
    expect(taken.length).toBe(3);
    await untilServed(host.port);
  });

  it('serves a peer that reads nothing no more than fits into its kernel, one request after the other', async () => {
    let served = 0;
    const host = await start({
      request: (exchange) => {
        served++;
        exchange.respond(200, {}, LARGE);
      },
    });
    const peer = await Peer.connect(host.port);
    peer.socket.pause();
    for (let asked = 0; asked < 400 && !peer.socket.destroyed; asked++) {
      peer.write(GET);
      await turns(3);
    }
    expect(served).toBeLessThan(100);
    peer.reset();
  });

  const CHUNKED = (body: string, rest = '') =>
    requestText('POST', '/first', ['Transfer-Encoding: chunked'], body) + rest;
  const HIDDEN = requestText('GET', '/hidden', [`X-Long: ${'h'.repeat(7_000)}`]);
  const SMUGGLED: readonly (readonly [string, readonly string[]])[] = [
    ['a body in chunks', [CHUNKED('5\r\nhello\r\n0\r\n\r\n', HIDDEN)]],
    ['an extension of a chunk that looks like a digit', [CHUNKED('5;1\r\nhello\r\n0\r\n\r\n', HIDDEN)]],
    ['a named extension', [CHUNKED('5;a=b\r\nhello\r\n0\r\n\r\n', HIDDEN)]],
    ['a trailer', [CHUNKED('5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n', HIDDEN)]],
    ['a trailer that is a request', [CHUNKED('5\r\nhello\r\n0\r\n', HIDDEN)]],
    ['a trailer that comes later', [CHUNKED('5\r\nhello\r\n0\r\n'), 'X-T: 1\r\n\r\n', HIDDEN]],
    ['a body that comes later', [CHUNKED(''), '5\r\nhello\r\n0\r\n\r\n', HIDDEN]],
    ['a body that comes with what is hidden', [CHUNKED(''), `5\r\nhello\r\n0\r\n\r\n${HIDDEN}`]],
  ];

  /** What a peer is answered to `pieces`, each sent once the one before may have been answered; and what was served. */
  const fateOf = async (pieces: readonly string[], path: 'early' | 'read') => {
    const served: string[] = [];
    const host = await start({
      request: (exchange) => {
        if (exchange.path === '/hidden') served.push('hidden');
        if (exchange.path !== '/first' || path === 'early') return exchange.respond(401, {}, exchange.path);
        exchange.readBody(
          1_000,
          (body) => {
            served.push(String(body));
            exchange.respond(200, {}, 'stored');
          },
          true,
        );
      },
    });
    const peer = await Peer.connect(host.port);
    for (const piece of pieces) {
      peer.write(piece);
      await turns(20);
    }
    peer.socket.end();
    return { served, text: await peer.closed };
  };

  // The parser of node:http reads chunks as they are meant: there it is an ordinary request that stands behind them.
  if (name === 'uws') {
    it.each(SMUGGLED)('serves nothing behind %s, and tells whoever was taken', async (_title, pieces) => {
      for (const path of ['early', 'read'] as const) {
        const { served, text } = await fateOf(pieces, path);
        expect(served).not.toContain('hidden');
        expect(text).not.toContain('/hidden');
        if (served.includes('hello')) expect(text).toMatch(/^HTTP\/1.1 200 [\s\S]*connection: close[\s\S]*stored/i);
      }
    });
  } else {
    it.each(SMUGGLED)('reads %s as it is meant', async (title, pieces) => {
      const { served, text } = await fateOf(pieces, 'read');
      const isBad = title === 'a trailer that is a request';
      expect(served.slice(0, 1)).toEqual(isBad ? [] : ['hello']);
      if (!isBad) expect(text).toMatch(/^HTTP\/1.1 200 [\s\S]*stored[\s\S]*HTTP\/1.1 401 [\s\S]*\/hidden$/);
    });
  }

  it.each(['gzip, chunked', 'identity', 'chunked, chunked', 'xchunked', 'chunked;q=1'])(
    'takes no body in the coding %s',
    async (coding) => {
      const paths: string[] = [];
      const host = await start({
        request: (exchange) => {
          paths.push(exchange.path);
          exchange.respond(200, {}, 'ok');
        },
      });
      const peer = await Peer.connect(host.port);
      peer.write(requestText('POST', '/first', [`Transfer-Encoding: ${coding}`], '0\r\n\r\n') + HIDDEN);
      expect(await peer.closed).toMatch(/^(HTTP\/1.1 400 [\s\S]*)?$/);
      expect(paths).toEqual([]);
    },
  );

  const OFFERS = [
    [
      'h2c',
      [
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      ],
    ],
    ['another protocol', ['Connection: Upgrade', 'Upgrade: TLS/1.0, irc/6.9']],
    ['a list with empty names', ['Connection: upgrade', 'Upgrade: , ,']],
  ] as const;

  it.each(OFFERS)(
    'serves a request that offers to go on with %s, with its body and the next',
    async (_title, offer) => {
      const host = await start({
        request: (exchange) =>
          exchange.readBody(1_000, (body) =>
            exchange.respond(200, {}, `${exchange.method} ${body?.toString() ?? ''}.`),
          ),
      });
      const peer = await Peer.connect(host.port);
      const requests = [
        requestText('GET', '/', offer),
        requestText('POST', '/', [...offer, 'Content-Length: 5'], 'hello'),
        requestText('POST', '/', [...offer, 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
      ];
      for (const [index, text] of requests.entries()) {
        const head = text.indexOf('\r\n\r\n') + 4;
        peer.write(text.slice(0, head));
        await turns(3);
        peer.write(text.slice(head));
        await peer.until((got) => got.split(/(?:GET|POST) (?:hello)?\./).length - 1 === index + 1);
      }
      expect(peer.text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 200']);
    },
  );

  it.each(['h2c, websocket', 'websocket, h2c', 'WebSocket'])('opens a WebSocket to `Upgrade: %s`', async (offer) => {
    const host = await start({});
    const peer = await Peer.connect(host.port);
    peer.write(upgradeText([`Upgrade: ${offer}`], ['Upgrade']));
    expect(await peer.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 101 /);
  });

  it('tells a peer whose body trickles why, before it closes', async () => {
    const host = await start({
      request: (exchange) => exchange.readBody(100_000, () => exchange.respond(200, {}, 'read')),
    });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('POST', '/', ['Content-Length: 62000'], 'x'));
    const timer = setInterval(() => peer.write('x'.repeat(1_000)), 200);
    const text = await peer.until((got) => got.includes('request_timeout'));
    clearInterval(timer);
    expect(text).toMatch(/^HTTP\/1.1 408 [\s\S]*connection: close/i);
    await peer.closed;
  });
});
