// Bytes that no client library sends, on both engines: nothing of them is interpreted, the connection goes, others stay.

import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ENGINES, type EngineName, startEngine } from '../support/engine-host.js';
import { Peer, requestText, untilServed, upgradeText } from '../support/engine-peer.js';
import { heldBytes } from '../support/held-bytes.js';
import { closeFrame, frame, frameHead } from '../support/web-socket-frames.js';

const headers = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: ${index}`);
const post = (line: string, body: string) => requestText('POST', '/', [line], body);

/** Refused or cut, at the latest after the engines' 10 s. */
const BAD_HTTP: readonly (readonly [string, string])[] = [
  ['a body that stops coming', post('Content-Length: 100', 'x'.repeat(10))],
  ['headers that stop coming', 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '],
  ['a length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked', 'x')],
  ['length -1', post('Content-Length: -1', 'x')],
  ['length +5', post('Content-Length: +5', 'hello')],
  ['length 5, 5', post('Content-Length: 5, 5', 'hello')],
  ['a length of 21 digits', post(`Content-Length: ${'1'.repeat(21)}`, 'x')],
  ['a chunk of size ZZ', post('Transfer-Encoding: chunked', 'ZZ\r\nx\r\n0\r\n\r\n')],
  ['2,000 headers', requestText('GET', '/', headers(2_000))],
  ['a NUL in a header', requestText('GET', '/', ['X-A: a\0b'])],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['a space before a colon', requestText('GET', '/', ['X-A : b'])],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['noise', Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 131) % 256)).toString('latin1')],
];

/** Sends it and says what became of it; `refused` is what is wanted. */
async function fateOf(name: EngineName, bytes: string): Promise<string> {
  let served = 0;
  const host = await startEngine(name, {
    request: (exchange) =>
      exchange.readBody(1_000, (body) => {
        served++;
        exchange.respond(200, {}, body);
      }),
  });
  const peer = new Peer(connect(host.port, '127.0.0.1'));
  peer.write(Buffer.from(bytes, 'latin1'));
  const answer = await peer.closed;
  const fate = served > 0 ? 'interpreted' : /^HTTP\/1.1 [12]/.test(answer) ? answer : 'refused';
  await untilServed(host.port);
  await host.close();
  return fate;
}

describe('bad HTTP', () => {
  it('is refused or cut, nothing of it is interpreted, and the engine lives on', async () => {
    const rows = ENGINES.flatMap((name) => BAD_HTTP.map(([title, bytes]) => ({ name, title, bytes })));
    const fates = rows.map(async ({ name, title, bytes }) => `${name}, ${title}: ${await fateOf(name, bytes)}`);
    expect(await Promise.all(fates)).toEqual(rows.map(({ name, title }) => `${name}, ${title}: refused`));
  });
});

const NO_MASK = Buffer.alloc(4);

const BAD_FRAMES: readonly (readonly [string, readonly Buffer[]])[] = [
  ...[0x40, 0x20, 0x10].map((rsv) => [`reserved bit ${rsv}`, [frame('x', { rsv })]] as const),
  ...[3, 7, 11, 15].map((opcode) => [`opcode ${opcode}`, [frame('x', { opcode })]] as const),
  ['a ping of 126 bytes', [frame('x'.repeat(126), { opcode: 9 })]],
  ['a ping in fragments', [frame('x', { opcode: 9, fin: false })]],
  ['a continuation of nothing', [frame('x', { opcode: 0 })]],
  ['text inside a fragmented message', [frame('x', { fin: false }), frame('y')]],
  ['invalid UTF-8', [frame(Buffer.from([0xc3, 0x28]))]],
  ['an overlong encoding', [frame(Buffer.from([0xc0, 0xaf]))]],
  [
    'half a surrogate pair in fragments',
    [frame(Buffer.from([0xed, 0xa0]), { fin: false }), frame(Buffer.from([0x80]), { opcode: 0 })],
  ],
  ['a declared length of 1 GB', [frameHead(2 ** 30), NO_MASK]],
  ['a declared length of 2^53', [frameHead(2n ** 53n), NO_MASK]],
  ['a declared length of 2^63', [frameHead(2n ** 63n), NO_MASK]],
  [
    'fragments over the hard cap',
    Array.from({ length: 5 }, (_, index) => frame('x'.repeat(999), { opcode: index === 0 ? 1 : 0, fin: false })),
  ],
];

describe.each(ENGINES)('frames on the %s engine', (name) => {
  const open = async () => {
    const host = await startEngine(name);
    const peer = await Peer.upgraded(host.port);
    const handler = await host.accepted.next();
    await handler.events.next();
    return { host, peer, handler };
  };

  it.each(BAD_FRAMES)('drops the link at %s, and nothing of it is handed over', async (_title, frames) => {
    const { host, peer, handler } = await open();
    peer.write(...frames);
    expect(await handler.events.next()).toBe('close 1006');
    await peer.closed;
    const other = await Peer.upgraded(host.port);
    other.write(frame('alive'));
    const next = await host.accepted.next();
    await next.events.next();
    expect(await next.events.next()).toBe('text alive');
    await host.close();
  });

  it('puts fragments together, with control frames between them and a character cut in two', async () => {
    const { host, peer, handler } = await open();
    const bytes = Buffer.from('é');
    peer.write(frame(bytes.subarray(0, 1), { fin: false }), frame('p', { opcode: 9 }));
    peer.write(frame('', { opcode: 0, fin: false }), frame(bytes.subarray(1), { opcode: 0 }));
    expect(await handler.events.next()).toBe('text é');
    await peer.until((text) => text.endsWith('\x8a\x01p'));
    await host.close();
  });

  // RFC 6455 section 4.1: a client waits for the handshake's answer. uWebSockets.js drops what it sends before.
  it('takes a frame that comes with the handshake whole or not at all', async () => {
    const host = await startEngine(name);
    const peer = await Peer.connect(host.port);
    peer.write(Buffer.concat([Buffer.from(upgradeText()), frame('early')]));
    const handler = await host.accepted.next();
    expect(await handler.events.next()).toBe('open');
    await peer.until((text) => text.includes('\r\n\r\n'));
    peer.write(frame('next'));
    const event = await handler.events.next();
    if (name === 'ws') expect([event, await handler.events.next()]).toEqual(['text early', 'text next']);
    else expect(event).toBe('text next');
    await host.close();
  });

  it('takes frames byte by byte', async () => {
    const { host, peer, handler } = await open();
    for (const byte of frame('drip')) {
      await new Promise((resolve) => peer.socket.write(Buffer.from([byte]), resolve));
    }
    expect(await handler.events.next()).toBe('text drip');
    await host.close();
  });

  it('does not take an unmasked frame for what it says', async () => {
    const { host, peer, handler } = await open();
    peer.write(frame('{"type":"connect"}', { masked: false }), frame('next'));
    peer.socket.end();
    for (let event = await handler.events.next(); !event.startsWith('close'); event = await handler.events.next()) {
      expect(event).not.toContain('connect');
    }
    await host.close();
  });

  it.each<readonly [string, Buffer]>([
    ['no code', closeFrame()],
    ['one byte', frame('x', { opcode: 8 })],
    ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535].map((code) => [`code ${code}`, closeFrame(code)] as const),
    ['a reason that is not UTF-8', closeFrame(1000, Buffer.from([0xc3, 0x28]))],
    ['a reason of 124 bytes', closeFrame(1000, 'x'.repeat(124))],
  ])('gives its handler a sane code for a close frame with %s', async (_title, bytes) => {
    const { host, peer, handler } = await open();
    peer.write(bytes);
    expect(await handler.events.next()).toMatch(/^close (1000|1005|1006)$/);
    peer.socket.end();
    await peer.closed;
    expect(handler.events.waiting).toEqual([]);
    await host.close();
  });

  it('holds no memory for 300,000 empty fragments or 200,000 pings', async () => {
    for (const [first, piece, count] of [
      [frame('', { fin: false }), frame('', { opcode: 0, fin: false }), 300_000],
      [frame('', { opcode: 9 }), frame('', { opcode: 9 }), 200_000],
    ] as const) {
      const { host, peer } = await open();
      const before = heldBytes();
      const block = Buffer.concat(Array.from({ length: 1_000 }, () => piece));
      peer.write(first);
      for (let sent = 0; sent < count && !peer.socket.destroyed; sent += 1_000) {
        if (!peer.socket.write(block)) {
          await Promise.race([new Promise((resolve) => peer.socket.once('drain', resolve)), peer.closed]);
        }
      }
      expect(heldBytes() - before).toBeLessThan(16 * 1024 * 1024);
      peer.reset();
      await untilServed(host.port);
      await host.close();
    }
  });
});
