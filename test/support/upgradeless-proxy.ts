// A proxy that speaks HTTP/1.1 and knows nothing of upgrades.

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What concerns one connection is not passed on (RFC 9110 section 7.6.1). */
const OWN = new Set(['connection', 'upgrade', 'keep-alive', 'transfer-encoding']);

/** `before`: what is waited for before a request for this path is passed on, or denied where that is what it says. */
export async function startUpgradelessProxy(
  target: string,
  before: (path: string) => Promise<unknown> = async () => {},
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (incoming, answer) => {
    if ((await before(incoming.url ?? '/')) === 'denied') {
      answer.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>404 Not Found</h1>');
      return;
    }
    const passed = Object.entries(incoming.headers).filter(([name]) => !OWN.has(name));
    const asked = request(new URL(incoming.url ?? '/', target), {
      method: incoming.method ?? 'GET',
      headers: Object.fromEntries(passed),
      agent: false,
    });
    asked.once('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    asked.on('error', () => answer.destroy());
    incoming.pipe(asked);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
