// The lab's polls go on over a new link where a server closes one that is idle, or just as it is asked.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { LoadClient } from '../../../loadtest/clients/link.js';
import { openPoll } from '../../../loadtest/clients/poll.js';
import { Tally } from '../../../loadtest/clients/tally.js';

const OFFSET = '1700000000000-0000000000000001';

/** Answers like a node; `manners` says what becomes of the link of the n-th request, from 1. */
async function polled(manners: (n: number) => 'answer' | 'answer and end' | 'end', polls: number) {
  let asked = 0;
  const links = new Set<unknown>();
  let client: LoadClient | undefined;
  const server = createServer((request, response) => {
    const { socket } = request;
    links.add(socket);
    request.resume().on('end', () => {
      asked += 1;
      const manner = manners(asked);
      if (manner === 'end') return void socket.destroy();
      const body = JSON.stringify({ channels: { news: { offset: OFFSET, messages: [] } } });
      response.writeHead(200, { 'content-length': body.length }).end(body, () => {
        if (manner === 'answer and end') socket.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tally = new Tally(() => {});
  const { port } = server.address() as AddressInfo;
  const end = await new Promise<string>((resolve) => {
    const timer = setInterval(() => tally.polls >= polls && resolve('polled'), 5);
    const parts = { host: '127.0.0.1', port, number: 0, place: 0, channel: 'news', token: 't', onReady: () => {} };
    client = openPoll({ ...parts, onEnd: (reason) => resolve(`ended: ${reason}`) }, 20, tally);
    server.once('close', () => clearInterval(timer));
  });
  client?.close();
  server.close();
  server.closeAllConnections();
  return { end, links: links.size, asked };
}

describe('short polls of the lab', () => {
  it('go over one link while the server keeps it', async () => {
    expect(await polled(() => 'answer', 4)).toMatchObject({ end: 'polled', links: 1 });
  });

  it('go over a new link where the server closes an idle one', async () => {
    const { end, links } = await polled(() => 'answer and end', 4);
    expect(end).toBe('polled');
    expect(links).toBeGreaterThanOrEqual(4);
  });

  it('are asked again where the link ends just then', async () => {
    expect(await polled((n) => (n === 3 ? 'end' : 'answer'), 4)).toMatchObject({ end: 'polled', links: 2, asked: 5 });
  });

  it('end where a new link brings no answer either', async () => {
    expect((await polled((n) => (n < 3 ? 'answer' : 'end'), 4)).end).toMatch(/^ended: /);
  });
});
