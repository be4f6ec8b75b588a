// What becomes of the rest of a request once its answer is out, on both engines: no socket outlives it, whatever the peer does.

import { describe, expect, it } from 'vitest';
import { REST_BYTES } from '../../src/http/request-rest.js';
import { answerBy, answerReadLast, type Kind, playAll, stubbornPeer, untilAllLeft } from '../support/early-answers.js';
import { ENGINES, startEngine } from '../support/engine-host.js';
import { Peer, requestText, untilServed, upgradeText } from '../support/engine-peer.js';

const KINDS: readonly Kind[] = [
  { title: '401', method: 'POST', path: '/401', status: 401 },
  { title: '404', method: 'POST', path: '/404', status: 404 },
  { title: '405', method: 'PUT', path: '/405', status: 405 },
  { title: '415', method: 'POST', path: '/415', status: 415 },
  { title: '413', method: 'POST', path: '/read', status: 413 },
  { title: '200 to a GET with a body', method: 'GET', path: '/200', status: 200 },
  { title: '200 to a HEAD with a body', method: 'HEAD', path: '/200', status: 200 },
  { title: '204 to a preflight with a body', method: 'OPTIONS', path: '/204', status: 204 },
  { title: '500 to what throws', method: 'POST', path: '/throw', status: 500 },
  { title: '414 by the engine', method: 'POST', path: `/${'x'.repeat(5_000)}`, status: 414 },
  { title: '426 by the engine', method: 'POST', path: '/', lines: ['Upgrade: websocket'], status: 426 },
  { title: 'an answer that takes turns', method: 'POST', path: '/slow/401', status: 401 },
  { title: 'a body that is read late', method: 'POST', path: '/slow/read', status: 413 },
  { title: 'a stream', method: 'POST', path: '/stream', status: 200 },
  { title: 'no answer at all', method: 'POST', path: '/never', status: undefined },
];

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Longer than a request may take to come. */
const WAIT_MS = 13_000;

/** A request whose answer is out before its body has come whole, and the same with all of it. */
const half = () => requestText('POST', '/401', ['Content-Length: 10'], 'half');
const whole = (framing: 'length' | 'chunks') =>
  framing === 'length'
    ? requestText('POST', '/401', ['Content-Length: 5'], 'hello')
    : requestText('POST', '/401', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n');

describe.concurrent.each(ENGINES)('an early answer of the %s engine', (name) => {
  const start = (maxSockets: number) => startEngine(name, { options: { maxSockets }, request: answerBy });

  it('costs no socket 30 s later, whatever the peer does, and is seen by every peer that waits', async () => {
    // Far more places than cells: a node that is short of places waits for nobody to send the rest of a request.
    const host = await start(10_000);
    expect(await playAll(host.port, KINDS)).toBe('');
    await host.close();
  });

  it.each(name === 'uws' ? (['length'] as const) : (['length', 'chunks'] as const))(
    'leaves the connection to a peer that has sent its body (%s)',
    async (framing) => {
      const host = await start(10);
      const peer = await Peer.connect(host.port);
      for (let count = 1; count <= 3; count++) {
        peer.write(whole(framing));
        await peer.until((text) => text.split('answered').length - 1 === count);
      }
      expect(peer.text).not.toMatch(/connection: close/i);
      await host.close();
    },
  );

  // As long as a poll waits: past every timer that holds for a request which is still coming.
  it('is not made of a request that waits, when its body came before it was asked for', async () => {
    const host = await startEngine(name, {
      request: async (exchange) => {
        for (let turns = 0; turns < 20; turns++) await turn();
        exchange.readBody(10 * 70_000, (body) => {
          setTimeout(() => exchange.respond(200, {}, `${body?.length} read`), WAIT_MS);
        });
      },
    });
    const peer = await Peer.connect(host.port);
    const body = 'x'.repeat(70_000);
    peer.write(requestText('POST', '/', ['Transfer-Encoding: chunked'], `11170\r\n${body}\r\n0\r\n\r\n`));
    expect(await peer.until((text) => text.includes(' read'))).toContain('70000 read');
    await host.close();
  });

  it('takes no place for good when 400 peers reset it in 100 places', async () => {
    const host = await start(100);
    const titles = new Map<number, string>();
    for (let round = 0; round < 10; round++) {
      const peers = await Promise.all(Array.from({ length: 40 }, () => Peer.connect(host.port)));
      for (const [index, peer] of peers.entries()) {
        titles.set(peer.socket.localPort ?? 0, `round ${round}, peer ${index}`);
        peer.write(index % 2 === 0 ? whole('chunks') : half());
      }
      await Promise.all(peers.map((peer) => peer.until((text) => text.includes('answered')).catch(() => '')));
      for (const peer of peers) peer.reset();
    }
    await untilServed(host.port, 100);
    await untilAllLeft(host.port, titles);
    await host.close();
  });

  it('costs no socket of a silent peer either, when it refuses or ignores an upgrade or takes it for no request', async () => {
    const refuse = () => ({ accept: false, status: 403, headers: {}, body: 'answered' }) as const;
    const host = await startEngine(name, { request: answerBy, upgrade: refuse });
    const titles = new Map<number, string>();
    const other = requestText('GET', '/200', ['Connection: Upgrade', 'Upgrade: h2c']);
    for (const text of [upgradeText(), other, `${other.slice(0, -2)}Content-Length: 9\r\n\r\nhalf`, 'noise\r\n\r\n']) {
      const peer = await stubbornPeer(host.port);
      titles.set(peer.socket.localPort ?? 0, text);
      peer.write(text);
      await peer.until((got) => got.includes('\r\n\r\n'));
    }
    await untilAllLeft(host.port, titles);
    await host.close();
  });

  it('closes the connection of a peer that never stops sending, when few of its bytes have come', async () => {
    const host = await start(10);
    const peer = await Peer.connect(host.port);
    const piece = Buffer.alloc(64 * 1024, 'x');
    peer.write(requestText('POST', '/401', [`Content-Length: ${2 ** 40}`]));
    const more = () => {
      while (peer.socket.writable && peer.socket.write(piece));
    };
    peer.socket.on('drain', more);
    more();
    expect(await peer.closed).toMatch(/^HTTP\/1\.1 401 /);
    // What the kernels hold between the two counts as sent.
    expect(peer.socket.bytesWritten).toBeLessThan(8 * REST_BYTES);
    await host.close();
  });
});

// One by one: they need the process for themselves.
describe.each(ENGINES)('an early answer of the %s engine, by itself,', (name) => {
  it('is seen by a peer that reads only when it has sent all of a large body', async () => {
    const host = await startEngine(name, { request: answerBy });
    expect(await answerReadLast(host.port, '/401')).toMatch(/^HTTP\/1\.1 401 .*answered/s);
    await host.close();
  });

  it('leaves no timer behind when the engine is closed', async () => {
    const host = await startEngine(name, { request: answerBy });
    const peer = await Peer.connect(host.port);
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    peer.write(half());
    await peer.until((text) => text.includes('answered'));
    const before = timers();
    await host.close();
    await peer.closed;
    expect(timers()).toBe(before - 1);
  });
});
