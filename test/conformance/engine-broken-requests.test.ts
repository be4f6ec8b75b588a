// What is no HTTP within a request, and behind one: it is told so on both engines, and takes no answer from what was good.

import { afterEach, describe, expect, it } from 'vitest';
import { ENGINES, type EngineHost, startEngine } from '../support/engine-host.js';
import { Peer, requestText, untilServed } from '../support/engine-peer.js';

const CHUNKED = requestText('POST', '/read', ['Transfer-Encoding: chunked']);

describe.each(ENGINES)('requests that break off on the %s engine', (name) => {
  const hosts: EngineHost[] = [];
  let reading: () => void = () => {};
  const start = async () => {
    const host = await startEngine(name, {
      request: (exchange) => {
        if (exchange.path !== '/read') return void setImmediate(() => exchange.respond(200, {}, 'answered'));
        exchange.readBody(1_000, () => exchange.respond(200, {}, 'read'));
        reading();
      },
    });
    hosts.push(host);
    return host.port;
  };
  /** A request of whose body a part has been read. */
  const begun = async () => {
    const port = await start();
    const isRead = new Promise<void>((resolve) => {
      reading = resolve;
    });
    const peer = await Peer.connect(port);
    peer.write(CHUNKED, '5\r\nhello\r\n');
    await isRead;
    return { peer, port };
  };
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });

  it.each([
    ['a chunk whose size is none', 'ZZ\r\n'],
    ['a chunk longer than its size', '2\r\nhello\r\n0\r\n\r\n'],
  ])('are answered with 400: %s', async (_title, rest) => {
    const { peer } = await begun();
    peer.write(rest);
    expect(await peer.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 400 /);
    peer.reset();
  });

  it('are answered once, whatever follows', async () => {
    const { peer, port } = await begun();
    peer.write('ZZ\r\n');
    await peer.until((text) => text.includes('\r\n\r\n'));
    peer.write('ZZ\r\n');
    await untilServed(port);
    expect(hosts[0]?.failures).toEqual([]);
    expect(peer.text.match(/^HTTP\/1.1 /gm)).toHaveLength(1);
    peer.reset();
  });

  it.each(['identity', 'gzip'])('are answered with 400: a transfer coding %s', async (coding) => {
    const peer = await Peer.connect(await start());
    peer.write(requestText('POST', '/read', [`Transfer-Encoding: ${coding}`]));
    expect(await peer.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 400 /);
    peer.reset();
  });

  // uWebSockets.js answers what stands behind a request at once, and closes.
  if (name === 'ws') {
    it('take no answer from a good request before them', async () => {
      const peer = await Peer.connect(await start());
      peer.write(`${requestText('GET', '/')}nonsense\r\n\r\n`);
      expect(await peer.closed).toMatch(/^HTTP\/1.1 200 .*answered$/s);
    });
  }
});
