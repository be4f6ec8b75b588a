// What becomes of the rest of a request to discovery once its answer is out: no socket outlives it, whatever the peer does.

import { describe, expect, it } from 'vitest';
import { readBody } from '../../discovery/request-body.js';
import { createDiscoveryServer } from '../../discovery/server.js';
import { problemAnswer } from '../../src/http/problem.js';
import { onFault } from '../../src/lib/timers.js';
import { answerReadLast, CAP, type Kind, playAll } from '../support/early-answers.js';
import { Peer, requestText } from '../support/engine-peer.js';
import { failTheRun } from '../support/faults.js';
import { heldSockets } from '../support/server-sockets.js';

const KINDS: readonly Kind[] = [
  { title: '401', method: 'POST', path: '/401', status: 401 },
  { title: '405', method: 'PUT', path: '/405', status: 405 },
  { title: '405 to a method that no Request has', method: 'TRACE', path: '/', status: 405 },
  { title: '413', method: 'POST', path: '/read', status: 413 },
  { title: '200 to a GET with a body', method: 'GET', path: '/200', status: 200 },
  { title: '200 to a HEAD with a body', method: 'HEAD', path: '/200', status: 200 },
  { title: '204 to a preflight with a body', method: 'OPTIONS', path: '/204', status: 204 },
  { title: '500 to what throws', method: 'POST', path: '/throw', status: 500 },
  { title: 'an upgrade to something else', method: 'GET', path: '/200', lines: ['Upgrade: h2c'], status: 200 },
  { title: '400 to what is no request', method: 'POST', path: '/', lines: ['X Y: z'], status: 400 },
];

async function answer(request: Request): Promise<Response> {
  const last = new URL(request.url).pathname.slice(1);
  if (last === 'throw') throw new Error('a handler threw');
  if (last !== 'read') return new Response(last === '204' ? null : 'answered', { status: Number(last) });
  try {
    await readBody(request, CAP);
    return new Response('read');
  } catch (error) {
    const { status, headers, body } = problemAnswer(error);
    return new Response(status === 413 ? body : 'read', { status: status === 413 ? 413 : 200, headers });
  }
}

describe('discovery', () => {
  it('lives on where neither a request nor what went wrong with it can be told', async () => {
    const broken = () => {
      throw new Error('in the log');
    };
    const logger = { debug: broken, info: broken, warn: broken, error: broken };
    const server = createDiscoveryServer(answer, { host: '127.0.0.1', port: 0, logger });
    const { url, port } = await server.start();
    const told: unknown[] = [];
    onFault((error) => told.push(error));
    const peer = await Peer.connect(port);
    peer.write(requestText('GET', '/throw'));
    expect(await peer.closed).toBe('');
    expect(told.map(String)).toEqual(['Error: in the log']);
    expect(await (await fetch(`${url}/200`)).text()).toBe('answered');
    failTheRun();
    await server.close();
  });

  it('has no more sockets than it may, of peers that never close theirs', async () => {
    const server = createDiscoveryServer(answer, { host: '127.0.0.1', port: 0, maxConnections: 20 });
    const { port } = await server.start();
    const peers: Peer[] = [];
    for (let round = 0; round < 3; round++) {
      const come = await Promise.all(Array.from({ length: 20 }, () => Peer.connect(port, '127.0.0.1', true)));
      peers.push(...come);
      for (const peer of come) peer.write('noise\r\n\r\n');
      await Promise.all(come.slice(0, round === 0 ? 20 : 0).map((peer) => peer.until((text) => text.includes('400 '))));
      // One over it is held until the server has looked at it.
      await expect.poll(async () => (await heldSockets(port)).length).toBeLessThanOrEqual(20);
    }
    for (const peer of peers) peer.socket.destroy();
    await server.close();
  });
});

describe('an early answer of discovery', () => {
  const start = async () => {
    const server = createDiscoveryServer(answer, { host: '127.0.0.1', port: 0, keepAliveMs: 5_000 });
    return { server, port: (await server.start()).port };
  };

  it('is seen by a peer that reads only when it has sent all of a large body', async () => {
    const { server, port } = await start();
    expect(await answerReadLast(port, '/401')).toMatch(/^HTTP\/1\.1 401 .*answered/s);
    expect(await answerReadLast(port, '/read')).toMatch(/^HTTP\/1\.1 413 /);
    await server.close();
  });

  it('costs no socket 30 s later, whatever the peer does, and is seen by every peer that waits', async () => {
    const { server, port } = await start();
    expect(await playAll(port, KINDS)).toBe('');
    await server.close();
  });
});
