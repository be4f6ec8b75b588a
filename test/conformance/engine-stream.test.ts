// What engine.ts promises of answers that go on, on both engines.

import { afterEach, describe, expect, it } from 'vitest';
import type { HttpExchange, HttpStream } from '../../src/node/engines/engine.js';
import { ENGINES, type EngineHost, type HostSetup, Queue, startEngine } from '../support/engine-host.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { strictChunks } from '../support/strict-chunks.js';

const PIECE = Buffer.alloc(256 * 1024, '#');
/** More than the kernel takes for a peer that does not read. */
const OVER_KERNEL_BYTES = 16 * 1024 * 1024;

/** Writes until the stream holds `bytes`; returns how much was written. */
function fill(stream: HttpStream, bytes: number): number {
  let written = 0;
  while (stream.bufferedBytes() < bytes && written < 4 * OVER_KERNEL_BYTES) {
    stream.write(PIECE);
    written += PIECE.length;
  }
  return written;
}

describe.each(ENGINES)('streams on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async (setup?: HostSetup) => {
    const host = await startEngine(name, setup);
    hosts.push(host);
    return host;
  };
  /** A stream that the test holds, and the peer at its other end. */
  const open = async () => {
    const streams = new Queue<readonly [HttpStream, HttpExchange]>();
    const aborts = new Queue<string>();
    const host = await start({
      request: (exchange) => {
        exchange.onAbort(() => aborts.push('gone'));
        streams.push([exchange.stream(200, { 'Content-Type': 'text/event-stream' }), exchange]);
      },
    });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('GET', '/'));
    const [stream, exchange] = await streams.next();
    return { host, peer, stream, exchange, aborts };
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it('sends each piece as it comes and ends in order', async () => {
    const { host, stream, peer } = await open();
    stream.write('grüße\n');
    await peer.until((text) => text.includes(Buffer.from('grüße\n').toString('latin1')));
    expect(peer.text).toMatch(/content-type: text\/event-stream/i);
    stream.write('');
    stream.write(Buffer.from('two\n'));
    stream.end('three\n');
    stream.write('never');
    stream.end();
    await peer.until((text) => text.endsWith('\r\n0\r\n\r\n'));
    expect(peer.text).not.toContain('never');
    expect(host.failures).toEqual([]);
  });

  it('completes the chunk of each piece before it waits for the next, with a filler behind it where that takes one', async () => {
    const streams = new Queue<HttpStream>();
    const host = await start({ request: (exchange) => streams.push(exchange.stream(200, {}, ':\n')) });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('GET', '/'));
    const stream = await streams.next();
    const long = 'x'.repeat(100_000);
    let written = '';
    const came = () => strictChunks(peer.text).chunks.join('').replaceAll(':\n', '');
    for (const piece of ['one\n', 'two\n', long, 'three\n']) {
      stream.write(piece);
      written += piece;
      await peer.until(() => came() === written);
    }
    stream.write('four\n');
    stream.end('five\n');
    await peer.until(() => came() === `${written}four\nfive\n` && strictChunks(peer.text).rest === '');
    expect(peer.text.endsWith('\r\n0\r\n\r\n')).toBe(true);
  });

  it('counts what a peer does not read, tells when it has left, and loses nothing', async () => {
    const { peer, stream } = await open();
    const drained = new Promise<void>((resolve) => stream.onDrain(resolve));
    peer.socket.pause();
    const written = fill(stream, 1024 * 1024);
    expect(stream.bufferedBytes()).toBeGreaterThanOrEqual(1024 * 1024);
    expect(stream.bufferedBytes()).toBeLessThan(1024 * 1024 + 2 * PIECE.length);
    expect(written).toBeLessThan(OVER_KERNEL_BYTES);
    peer.socket.resume();
    await drained;
    expect(stream.bufferedBytes()).toBe(0);
    stream.end('the end');
    await peer.untilEnd('\r\n0\r\n\r\n');
    const text = peer.text;
    expect(text.split('#').length - 1).toBe(written);
    expect(text).toContain('the end');
  });

  it('hands over in order what its peer takes in several goes', async () => {
    const { peer, stream } = await open();
    peer.socket.pause();
    let count = 0;
    while (stream.bufferedBytes() < 8 * 1024 * 1024 && count < 1_000) stream.write(`<${count++}>`.padEnd(100_000));
    stream.end();
    peer.socket.resume();
    await peer.untilEnd('\r\n0\r\n\r\n');
    const numbers = [...peer.text.matchAll(/<(\d+)>/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: count }, (_, number) => number));
  });

  it('ends behind what a peer has still to read', async () => {
    const { peer, stream, aborts } = await open();
    peer.socket.pause();
    const written = fill(stream, 300_000);
    stream.end('the end');
    peer.socket.resume();
    await peer.untilEnd('\r\n0\r\n\r\n');
    const text = peer.text;
    expect(text.split('#').length - 1).toBe(written);
    expect(aborts.waiting).toEqual([]);
  });

  it('leaves nothing behind when small pieces fill the way to a peer', async () => {
    const small = PIECE.subarray(0, 8_000);
    const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const first = await open();
    first.peer.socket.pause();
    let full = 0;
    for (; first.stream.bufferedBytes() === 0; full++) {
      first.stream.write(small);
      await turn();
    }
    for (let count = full - 3; count <= full; count++) {
      const { peer, stream } = await open();
      peer.socket.pause();
      for (let sent = 0; sent < count; sent++) {
        stream.write(small);
        await turn();
      }
      peer.socket.resume();
      // More than these bytes leave, because each chunk has its length before it.
      await peer.untilBytes(count * small.length);
      await turn();
      await peer.until((text) => text.split('#').length - 1 === count * small.length);
    }
  });

  it('goes on after a slow peer has caught up, again and again', async () => {
    const { peer, stream } = await open();
    let drains = 0;
    let told = () => {};
    stream.onDrain(() => {
      drains++;
      told();
    });
    for (let round = 1; round <= 3; round++) {
      peer.socket.pause();
      fill(stream, 200_000);
      const drained = new Promise<void>((resolve) => {
        told = resolve;
      });
      peer.socket.resume();
      await drained;
    }
    expect(drains).toBe(3);
    stream.write('alive');
    stream.end();
    await peer.untilEnd('\r\n0\r\n\r\n');
    expect(peer.text).toContain('alive');
  });

  it('tells once of a peer that goes, and drops what follows', async () => {
    const { host, peer, stream, exchange, aborts } = await open();
    stream.write('one');
    await peer.until((text) => text.includes('one'));
    peer.reset();
    await aborts.next();
    expect(exchange.aborted).toBe(true);
    stream.write('two');
    expect(stream.bufferedBytes()).toBe(0);
    stream.end('three');
    stream.destroy();
    expect(aborts.waiting).toEqual([]);
    expect(host.failures).toEqual([]);
  });

  it('is destroyed at once, whatever it holds', async () => {
    const { host, peer, stream } = await open();
    peer.socket.pause();
    fill(stream, 500_000);
    stream.destroy();
    stream.destroy();
    stream.write('never');
    expect(stream.bufferedBytes()).toBe(0);
    peer.socket.resume();
    expect(await peer.closed).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(host.failures).toEqual([]);
  });

  it('breaks off when a handler throws after it began', async () => {
    const host = await start({
      request: async (exchange) => {
        if (exchange.path === '/fine') return exchange.respond(200, {});
        const stream = exchange.stream(200, {});
        stream.write('begun');
        throw new Error('late');
      },
    });
    const peer = await Peer.connect(host.port);
    peer.write(requestText('GET', '/'));
    expect(await peer.closed).not.toContain('\r\n0\r\n\r\n');
    expect(host.failures).toHaveLength(1);
    expect((await fetch(`${host.url}/fine`)).status).toBe(200);
  });

  it('survives a drain listener that throws', async () => {
    const { host, peer, stream } = await open();
    stream.onDrain(() => {
      throw new Error('in drain');
    });
    peer.socket.pause();
    fill(stream, 200_000);
    peer.socket.resume();
    await peer.closed;
    expect(host.failures).toHaveLength(1);
  });

  it('answers HEAD with the head alone', async () => {
    const host = await start({ request: (exchange) => exchange.stream(200, { 'X-A': 'b' }).write('body') });
    const response = await fetch(host.url, { method: 'HEAD' });
    expect([response.status, response.headers.get('x-a')]).toEqual([200, 'b']);
  });
});
