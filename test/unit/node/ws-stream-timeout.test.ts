// A stream on a connection of node:http whose answer before had a time to be read in.

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { headerListFrom } from '../../../src/http/header-list.js';
import type { EngineHandlers } from '../../../src/node/engines/engine.js';
import { WsExchange } from '../../../src/node/engines/ws/exchange.js';

it('has no end of its own', async () => {
  const served: { exchange: WsExchange; res: ServerResponse }[] = [];
  const server = createServer((req, res) => {
    const counted = { settled: () => undefined, restMs: () => undefined };
    const exchange = new WsExchange(req, res, headerListFrom(req.rawHeaders), {} as EngineHandlers, counted);
    served.push({ exchange, res });
    if (served.length === 2) server.emit('both');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const both = once(server, 'both');
  // Node keeps a connection's time where another request waits, and ends it by another where none does.
  peer.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\nGET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await both;
  const [large, stream] = served;
  if (large === undefined || stream === undefined) throw new Error('two requests');
  const { socket } = large.res;
  large.exchange.respond(200, {}, 'x'.repeat(100_000));
  expect(socket?.timeout).toBe(10_000);
  peer.resume();
  await once(large.res, 'close');
  stream.exchange.stream(200, {}).write('first');
  expect(stream.res.socket).toBe(socket);
  expect(socket?.timeout).toBe(0);
  peer.destroy();
  server.close();
});
