// A node asks its own URL who answers there.

import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { OwnUrl } from '../../../src/node/own-url.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listening(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const serving = (listener: RequestListener) => listening(createServer(listener));

function ownUrl() {
  const logger = new RecordingLogger();
  const seen = { reached: 0 };
  const made = new OwnUrl({ id: 'n1', logger, onReached: () => seen.reached++ });
  open.push(made);
  return { made, logger, seen };
}

it('is reached where the node answers, and asks no more', async () => {
  let asked = '';
  const url = await serving((request, response) => {
    asked += request.url;
    response.setHeader('Fanfare-Node', 'n1').end('{}');
  });
  const { made, logger, seen } = ownUrl();
  await made.start(`${url}/path`);
  expect([made.isReached, seen.reached, asked]).toEqual([true, 1, '/path/livez']);
  expect([logger.lines, made.check()]).toMatchObject([[], { name: 'url', ok: true, detail: '' }]);
});

it.each<[string, () => Promise<string>, string]>([
  ['another node answers', () => serving((_, response) => response.setHeader('Fanfare-Node', 'n2').end()), '(n2)'],
  ['something else answers', () => serving((_, response) => response.end('hello')), 'something else answers'],
  ['nobody listens', async () => 'http://127.0.0.1:1', 'ECONNREFUSED'],
])('is not reached where %s: one warning, a detail, and still no reason for a 503', async (_, at, found) => {
  const { made, logger, seen } = ownUrl();
  await made.start(await at());
  expect([made.isReached, seen.reached, logger.texts('warn').length]).toEqual([false, 0, 1]);
  expect(made.check()).toMatchObject({ ok: true, detail: expect.stringContaining(found) });
});

it('does not hold up a start where connections are swallowed, and gives up its own', async () => {
  const sockets: Socket[] = [];
  const url = await listening(createTcpServer((socket) => sockets.push(socket.on('error', () => {}).resume())));
  const { made, logger } = ownUrl();
  await made.start(url);
  expect(made.isReached).toBe(false);
  await expect.poll(() => made.check().detail).toContain('in time');
  expect(logger.texts('warn')).toHaveLength(1);
  await expect.poll(() => sockets[0]?.destroyed).toBe(true);
});

it('asks again, until the node answers', async () => {
  let name = 'n2';
  const url = await serving((_, response) => response.setHeader('Fanfare-Node', name).end());
  const { made, logger, seen } = ownUrl();
  await made.start(url);
  name = 'n1';
  await expect.poll(() => made.isReached).toBe(true);
  expect([seen.reached, made.check().detail, logger.texts('info').length]).toEqual([1, '', 1]);
});

it('is reached when a client has come, whatever its own question found', async () => {
  const { made, seen } = ownUrl();
  await made.start('http://127.0.0.1:1');
  made.reached();
  made.reached();
  expect([made.isReached, seen.reached]).toEqual([true, 1]);
});
