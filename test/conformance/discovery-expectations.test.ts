// What a request expects of discovery's own server: the answer that everything gets.

import { expect, it } from 'vitest';
import { createDiscoveryServer } from '../../discovery/server.js';
import { Peer, requestText } from '../support/engine-peer.js';

it('serves a request whatever it expects, also in the middle of a pipeline', async () => {
  const served: string[] = [];
  const handler = async (request: Request) => {
    const { pathname } = new URL(request.url);
    served.push(pathname);
    return new Response(pathname);
  };
  const server = createDiscoveryServer(handler, { host: '127.0.0.1', port: 0 });
  const { port } = await server.start();
  const peer = await Peer.connect(port);
  const expecting = requestText('GET', '/2').replace('\r\n\r\n', '\r\nExpect: something\r\n\r\n');
  peer.write(requestText('GET', '/1') + expecting + requestText('GET', '/3'));
  await peer.until((text) => text.endsWith('/3'));
  expect(served).toEqual(['/1', '/2', '/3']);
  peer.socket.destroy();
  await server.close();
});
