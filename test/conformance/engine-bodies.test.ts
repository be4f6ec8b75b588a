// What an engine holds of bodies that come in the smallest of pieces: their bytes, whoever reads them and when.

import { afterEach, describe, expect, it } from 'vitest';
import { asFallback } from '../../src/cli/fetch-adapter.js';
import { Origins } from '../../src/http/origins.js';
import { silentLogger } from '../../src/lib/logger.js';
import type { HttpExchange } from '../../src/node/engines/engine.js';
import { ENGINES, type EngineHost, type HostSetup, startEngine } from '../support/engine-host.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { BODY, BODY_BYTES, CHUNKS, chunkedHead, END, holdBodies } from '../support/small-pieces.js';

describe.each(ENGINES)('bodies in chunks of one byte on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  const start = async (setup: HostSetup) => {
    const host = await startEngine(name, setup);
    hosts.push(host);
    return host;
  };
  const read = (exchange: HttpExchange): void =>
    exchange.readBody(BODY_BYTES, (body) => exchange.respond(200, {}, `read ${body?.toString() ?? ''}.`));
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it('cost their bytes while they are read, and are whole in the end', async () => {
    const { port } = await start({
      request: (exchange) => (exchange.method === 'GET' ? exchange.respond(200, {}) : read(exchange)),
    });
    const { peers, bytes, room } = await holdBodies(port, [chunkedHead('/'), CHUNKS]);
    expect(bytes).toBeLessThan(room);
    for (const peer of peers) peer.write(END);
    for (const peer of peers) await peer.until((text) => text.includes(`read ${BODY}.`));
    for (const peer of peers) peer.reset();
  });

  it('cost their bytes before anybody reads them, and are whole once somebody does', async () => {
    const waiting: HttpExchange[] = [];
    const { port } = await start({
      request: (exchange) => (exchange.method === 'GET' ? exchange.respond(200, {}) : void waiting.push(exchange)),
    });
    const { peers, bytes, room } = await holdBodies(port, [chunkedHead('/'), CHUNKS]);
    expect(waiting.length).toBe(peers.length);
    expect(bytes).toBeLessThan(room);
    for (const exchange of waiting) read(exchange);
    for (const peer of peers) peer.write(END);
    for (const peer of peers) await peer.until((text) => text.includes(`read ${BODY}.`));
    for (const peer of peers) peer.reset();
  });

  it('cost their bytes behind a request that is being answered', async () => {
    const { port } = await start({
      request: (exchange) => {
        if (exchange.path === '/other') exchange.respond(200, {});
      },
    });
    const behind = [chunkedHead('/behind'), CHUNKS.subarray(0, CHUNKS.length / 3), END];
    const { peers, bytes, room } = await holdBodies(port, [
      requestText('GET', '/first'),
      ...behind,
      ...behind,
      ...behind,
    ]);
    expect(bytes).toBeLessThan(room);
    for (const peer of peers) peer.reset();
  });

  it('are answered where nothing wants them, before they have come', async () => {
    const read: string[] = [];
    const handler = async (request: Request): Promise<Response> => {
      if (!request.url.endsWith('/wanted')) return new Response(null, { status: 404 });
      read.push(await request.text());
      return new Response('read');
    };
    const { port } = await start({ request: asFallback(handler, new Origins([]), silentLogger) });
    const peer = await Peer.connect(port);
    peer.write(chunkedHead('/nothing'), '1\r\nx\r\n');
    expect(await peer.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 404 /);
    peer.reset();
    const other = await Peer.connect(port);
    other.write(chunkedHead('/wanted'), CHUNKS, END);
    await other.until((text) => text.includes('\r\nread'));
    expect(read).toEqual([BODY]);
    other.reset();
  });
});
