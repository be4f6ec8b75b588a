// What is no HTTP within a request at discovery, and behind one; and peers that go while their body is due.

import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { readBody } from '../../discovery/request-body.js';
import { createDiscoveryServer, type DiscoveryServer } from '../../discovery/server.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { RecordingLogger } from '../support/recording-logger.js';

const CHUNKED = requestText('POST', '/read', ['Transfer-Encoding: chunked', 'Content-Type: application/json']);

describe('requests that break off at discovery', () => {
  let server: DiscoveryServer;
  const logger = new RecordingLogger();
  const ended: string[] = [];
  /** Resolves once a request has come. */
  let came: Promise<void>;
  /** Lets those go on that wait. */
  let go: () => void = () => {};
  const start = async () => {
    ended.length = 0;
    logger.lines.length = 0;
    const mayGo = new Promise<void>((resolve) => {
      go = resolve;
    });
    let hasCome: () => void = () => {};
    came = new Promise((resolve) => {
      hasCome = resolve;
    });
    const handler = async (request: Request) => {
      const { pathname } = new URL(request.url);
      hasCome();
      if (pathname !== '/read') await mayGo;
      try {
        return new Response(request.method === 'GET' ? 'answered' : `read ${await readBody(request, 1_000)}`);
      } finally {
        ended.push(pathname);
      }
    };
    server = createDiscoveryServer(handler, { host: '127.0.0.1', port: 0, logger });
    return (await server.start()).port;
  };
  afterEach(async () => {
    go();
    await server.close();
  });

  it.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['half a request', 'GET / HT'],
    ['nonsense in pieces', 'non', 'sense\r\n', '\r\n'],
  ])('take no answer from a good request before them: %s', async (_title, ...rest) => {
    const port = await start();
    const peer = await Peer.connect(port);
    peer.write(`${requestText('GET', '/')}${rest[0]}`);
    await came;
    for (const piece of rest.slice(1)) {
      peer.write(piece);
      await turn();
    }
    if (rest[0]?.startsWith('GET')) peer.socket.end();
    go();
    // Half a request may be answered, too, behind it.
    expect(await peer.closed).toMatch(/^HTTP\/1.1 200 .*answered($|HTTP\/1.1 400 )/s);
  });

  it('are answered with 400 where they are what is read, once', async () => {
    const port = await start();
    const peer = await Peer.connect(port);
    peer.write(CHUNKED, '5\r\nhello\r\n');
    await came;
    peer.write('ZZ\r\n');
    await peer.until((text) => text.includes('"code":"bad_request"'));
    peer.write('ZZ\r\n');
    peer.socket.end();
    expect((await peer.closed).match(/^HTTP\/1.1 /gm)).toHaveLength(1);
    expect(logger.texts('error')).toEqual([]);
  });

  it.each([
    ['before it is asked for', '/late'],
    ['while it comes', '/read'],
  ])('end for who serves them where their peer goes %s', async (_title, path) => {
    const port = await start();
    const peer = await Peer.connect(port);
    peer.write(CHUNKED.replace('/read', path), '5\r\nhello\r\n');
    await came;
    peer.reset();
    await peer.closed;
    // Another's answer comes behind what the loop has made of that.
    const other = await Peer.connect(port);
    other.write(requestText('GET', '/read'));
    await other.until((text) => text.endsWith('answered'));
    other.reset();
    go();
    await expect.poll(() => ended).toContain(path);
    expect(logger.texts('error')).toEqual([]);
  });
});
