// Servers of node:http, the ws engine's and discovery's: of a pipeline no more is read than may wait, whatever has come.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiscoveryServer } from '../../discovery/server.js';
import { MAX_AHEAD } from '../../src/http/one-answer.js';
import { startEngine } from '../support/engine-host.js';
import { Peer, requestText } from '../support/engine-peer.js';

/** node:http publishes there for each request that its parser hands over. */
const PARSED = 'http.server.request.start';
const GET = requestText('GET', '/');
const count = (text: string) => text.split('HTTP/1.1 200').length - 1;

const SERVERS = [
  {
    name: 'the ws engine',
    async start() {
      const host = await startEngine('ws', { request: (exchange) => exchange.respond(200, {}, exchange.path) });
      return { port: host.port, close: () => host.close() };
    },
  },
  {
    name: 'discovery',
    async start() {
      const server = createDiscoveryServer(async () => new Response('ok'), { host: '127.0.0.1', port: 0 });
      return { port: (await server.start()).port, close: () => server.close() };
    },
  },
];

describe.each(SERVERS)('a pipeline at $name', ({ start }) => {
  let server: { readonly port: number; close(): Promise<void> };
  let parsed = 0;
  const countOne = () => void parsed++;
  beforeEach(async () => {
    server = await start();
    parsed = 0;
    subscribe(PARSED, countOne);
  });
  afterEach(async () => {
    unsubscribe(PARSED, countOne);
    await server.close();
  });

  it('is answered whole where all of it may wait', async () => {
    const peer = await Peer.connect(server.port);
    peer.write(GET.repeat(MAX_AHEAD + 1));
    await peer.until((text) => count(text) === MAX_AHEAD + 1);
    peer.write(GET);
    await peer.until((text) => count(text) === MAX_AHEAD + 2);
    peer.reset();
  });

  it.each([
    ['in one piece', [GET.repeat(1_000)]],
    ['in two', [GET.repeat(MAX_AHEAD), GET.repeat(1_000)]],
    ['with bodies', [`${requestText('POST', '/', ['Content-Length: 3'])}abc`.repeat(1_000)]],
    ['of tunnels at its end', [GET.repeat(MAX_AHEAD + 1) + requestText('CONNECT', '/').repeat(1_000)]],
  ])('ends with the answer under way where more come, and the rest is not even parsed: %s', async (_how, pieces) => {
    const peer = await Peer.connect(server.port);
    for (const piece of pieces) peer.write(piece);
    const answered = count(await peer.closed);
    expect(parsed).toBeLessThanOrEqual(2 * (MAX_AHEAD + 1));
    expect(answered).toBeLessThanOrEqual(parsed);
    const other = await Peer.connect(server.port);
    other.write(GET);
    await other.until((text) => count(text) === 1);
    other.reset();
  });
});
