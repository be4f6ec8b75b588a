// What discovery holds of bodies that come in the smallest of pieces: their bytes, whoever reads them and when.

import { afterEach, describe, expect, it } from 'vitest';
import { readBody } from '../../discovery/request-body.js';
import { createDiscoveryServer, type DiscoveryServer } from '../../discovery/server.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { BODY, BODY_BYTES, CHUNKS, chunkedHead, END, holdBodies } from '../support/small-pieces.js';

const JSON_TYPE = ['Content-Type: application/json'];

describe('bodies in chunks of one byte at discovery', () => {
  let server: DiscoveryServer | undefined;
  /** Called to let those read that wait. */
  let go: () => void = () => {};
  const start = async () => {
    const gone = new Promise<void>((resolve) => {
      go = resolve;
    });
    const handler = async (request: Request): Promise<Response> => {
      const { pathname } = new URL(request.url);
      if (pathname === '/late') await gone;
      if (pathname === '/never') return new Promise(() => {});
      return new Response(request.method === 'GET' ? '' : `read ${await readBody(request, BODY_BYTES)}.`);
    };
    server = createDiscoveryServer(handler, { host: '127.0.0.1', port: 0 });
    return (await server.start()).port;
  };
  afterEach(() => server?.close());

  it.each(['/now', '/late'])('cost their bytes while they come, and are whole in the end: read %s', async (path) => {
    const port = await start();
    const { peers, bytes, room } = await holdBodies(port, [chunkedHead(path, JSON_TYPE), CHUNKS]);
    expect(bytes).toBeLessThan(room);
    for (const peer of peers) peer.write(END);
    go();
    for (const peer of peers) await peer.until((text) => text.includes(`read ${BODY}.`));
    for (const peer of peers) peer.reset();
  });

  it('cost their bytes behind a request that is being answered', async () => {
    const port = await start();
    const behind = [chunkedHead('/now', JSON_TYPE), CHUNKS.subarray(0, CHUNKS.length / 3), END];
    const { peers, bytes, room } = await holdBodies(port, [
      requestText('GET', '/never'),
      ...behind,
      ...behind,
      ...behind,
    ]);
    expect(bytes).toBeLessThan(room);
    for (const peer of peers) peer.reset();
  });

  it('are answered where they are over the cap, before they have come', async () => {
    const port = await start();
    const peer = await Peer.connect(port);
    peer.write(chunkedHead('/now', JSON_TYPE), CHUNKS, '2000\r\n', 'x'.repeat(8_192));
    expect(await peer.until((text) => text.endsWith('}'))).toMatch(/^HTTP\/1.1 413 /);
    peer.reset();
  });
});
