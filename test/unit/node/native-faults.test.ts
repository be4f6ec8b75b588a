// What a build of uWebSockets.js is found to get wrong of HTTP.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { uwsFaults } from '../../../src/node/engines/uws/engine.js';
import { faultsAt } from '../../../src/node/engines/uws/native-faults.js';

it('is named, of the build that is pinned', async () => {
  expect(await uwsFaults()).toEqual([
    'HTTP/1.0 is refused with 505',
    'a request line in two segments is refused with 505',
    'extensions of chunks are misread',
    'trailers are taken for a request',
    'a request behind one that waits for its answer ends both',
    'a chunk of a stream ends with the next one',
  ]);
});

it('is nothing where all of it is right', async () => {
  const server = createServer(async (request, response) => {
    if (request.url === '/stream') return void response.write('ok');
    let length = 0;
    for await (const chunk of request) length += chunk.length;
    response.end(`${length} bytes`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  expect(await faultsAt((server.address() as AddressInfo).port)).toEqual([]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it('is nothing that could be found out where nobody answers', async () => {
  expect(await faultsAt(1)).toEqual([]);
});
