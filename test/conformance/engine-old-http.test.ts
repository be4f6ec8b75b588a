// HTTP/1.0, which proxies speak unless they are told otherwise.

import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { ENGINES, startEngine } from '../support/engine-host.js';
import { Peer, upgradeText } from '../support/engine-peer.js';

const ask = async (port: number, text: string) => {
  const peer = new Peer(connect(port, '127.0.0.1'));
  peer.write(text);
  return peer.closed;
};

it.each(ENGINES)('HTTP/1.0 on the %s engine is served, or refused by its parser with 505', async (name) => {
  const host = await startEngine(name, {
    request: (exchange) => {
      if (exchange.path !== '/stream') {
        return exchange.readBody(100, (body) => exchange.respond(200, {}, `read ${body?.toString() ?? ''}.`));
      }
      const stream = exchange.stream(200, {}, ':\n');
      stream.write('one\n');
      stream.end('two\n');
    },
  });
  const served = /^HTTP\/1.1 200 /;
  const get = await ask(host.port, 'GET / HTTP/1.0\r\n\r\n');
  const post = await ask(host.port, 'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
  const stream = await ask(host.port, 'GET /stream HTTP/1.0\r\n\r\n');
  if (name === 'uws') {
    for (const text of [get, post, stream]) expect(text).toMatch(/^HTTP\/1.1 505 /);
  } else {
    expect(get).toMatch(served);
    expect(post).toMatch(/^HTTP\/1.1 200 [\s\S]*read hi\.$/);
    // Without chunks, which HTTP/1.0 does not know.
    expect(stream).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\none\ntwo\n$/);
  }
  expect(await ask(host.port, upgradeText().replace('HTTP/1.1', 'HTTP/1.0'))).toMatch(/^HTTP\/1.1 (426|505) /);
  await host.close();
});
