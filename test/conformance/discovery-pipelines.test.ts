// Requests that stand behind others at discovery, whose server hands over all that it has read.

import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryServer, type DiscoveryServer } from '../../discovery/server.js';
import { MAX_AHEAD } from '../../src/http/one-answer.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { heldBytes } from '../support/held-bytes.js';

const LARGE = 'x'.repeat(300_000);
const ROOM_BYTES = 48 * 1024 * 1024;
const count = (text: string) => text.split('HTTP/1.1 200').length - 1;

describe('discovery', () => {
  let server: DiscoveryServer;
  const served: string[] = [];
  const start = async () => {
    served.length = 0;
    const handler = async (request: Request) => {
      const { pathname } = new URL(request.url);
      served.push(pathname);
      return new Response(pathname === '/large' ? LARGE : 'ok');
    };
    server = createDiscoveryServer(handler, { host: '127.0.0.1', port: 0, maxConnections: 8 });
    return (await server.start()).port;
  };
  afterEach(() => server?.close());

  it('answers a short pipeline in its order', async () => {
    const port = await start();
    const peer = await Peer.connect(port);
    peer.write([1, 2, 3].map((n) => requestText('GET', `/${n}`)).join(''));
    await peer.until((text) => count(text) === 3);
    expect(served).toEqual(['/1', '/2', '/3']);
  });

  it('holds next to nothing for peers that ask a thousand times and read nothing, and serves others meanwhile', async () => {
    const port = await start();
    const before = heldBytes();
    const peers = await Promise.all(Array.from({ length: 4 }, () => Peer.connect(port)));
    for (const peer of peers) {
      peer.socket.pause();
      peer.write(requestText('GET', '/large').repeat(1_000));
    }
    const other = await Peer.connect(port);
    for (let round = 1; round <= 50; round++) {
      other.write(requestText('GET', '/other'));
      await other.until((text) => count(text) === round);
    }
    expect(served.filter((path) => path === '/large').length).toBeLessThanOrEqual(4 * (MAX_AHEAD + 1));
    expect(heldBytes() - before).toBeLessThan(ROOM_BYTES);
    for (const peer of peers) peer.reset();
  });

  it('ends a connection on which more requests wait than may', async () => {
    const port = await start();
    const peer = await Peer.connect(port);
    peer.write(requestText('GET', '/').repeat(1_000));
    expect(count(await peer.closed)).toBeLessThanOrEqual(MAX_AHEAD + 1);
  });

  it('keeps no connection that is not in use, once most of them are taken', async () => {
    const port = await start();
    const ask = async () => {
      const peer = await Peer.connect(port);
      peer.write(requestText('GET', '/'));
      await peer.until((text) => count(text) === 1);
      return peer;
    };
    const peers = [];
    for (let n = 0; n < 7; n++) peers.push(await ask());
    expect(peers.map((peer) => /connection: close/i.test(peer.text))).toEqual([...Array(6).fill(false), true]);
    for (const peer of peers) peer.reset();
  });
});
