// Paths that a proxy in front may read as others: whoever serves them compares what was sent, and so nothing is at them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Peer, requestText } from '../support/engine-peer.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { type RunningServer, startServer } from './stranger-server.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const ADMIN = 'the-admin-key-of-raw-paths';

const ODD = [
  ...['/x/../v1/connect', '/./v1/connect', '/v1/./connect', '/v1/x/../connect', '/v1//connect', '//v1/connect'],
  ...[
    '/v1/connect/',
    '/v1/connect/.',
    '/v1/%63onnect',
    '/%761/connect',
    '/v1%2fconnect',
    '/v1\\connect',
    '\\v1\\connect',
  ],
  ...[
    '/x\\..\\v1\\connect',
    '/%2e/v1/connect',
    '/x/%2e%2e/v1/connect',
    '/v1/connect;a=b',
    '/v1/connect%00',
    '/V1/connect',
  ],
  ...[
    '/./metrics',
    '/x/../metrics',
    '/x\\..\\metrics',
    '/%2e/metrics',
    '//metrics',
    '/%6detrics',
    '/metrics/',
    '/v1/poll/../../metrics',
  ],
  ...['/x/../v1/nodes', '//v1/nodes', '/v1/%6eodes', '/v1/nodes/', '/v1/nodes/n1/x/../drain', '/v1/nodes//drain'],
  ...[
    '/x/../v1/poll',
    '//v1/poll',
    '/v1/%70oll',
    '/v1/poll/',
    '/x/../sdk.js',
    '//sdk.js',
    '/./livez',
    '/%6civez',
    '/x/../readyz',
  ],
];

describe('a path that is not spelt as it is documented', () => {
  const servers = new Map<string, RunningServer>();
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
    const env = { FANFARE_AUTH_SECRET: SECRET, FANFARE_CLUSTER_SECRET: SECRET, FANFARE_ADMIN_KEY: ADMIN };
    const withRedis = { ...env, FANFARE_REDIS_URL: redis.url };
    for (const engine of ['uws', 'ws']) {
      servers.set(`start on ${engine}`, await startServer('start', { ...env, FANFARE_ENGINE: engine }));
      const node = {
        ...withRedis,
        FANFARE_ENGINE: engine,
        FANFARE_NODE_ID: engine,
        FANFARE_HOST: '127.0.0.1',
      };
      servers.set(`node on ${engine}`, await startServer('node', node));
    }
    servers.set('discovery', await startServer('discovery', withRedis));
  });
  afterAll(async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()));
    await redis.stop();
  });

  it.each(['start on uws', 'start on ws', 'node on uws', 'node on ws', 'discovery'])('is nothing: %s', async (who) => {
    const port = Number(new URL(servers.get(who)?.url ?? '').port);
    const statusOf = async (method: string, path: string) => {
      const peer = await Peer.connect(port);
      const lines = ['Connection: close', `Authorization: Bearer ${ADMIN}`];
      peer.write(requestText(method, path, method === 'POST' ? [...lines, 'Content-Length: 0'] : lines));
      return `${method} ${path} ${(await peer.closed).slice(9, 12)}`;
    };
    const asked = ODD.flatMap((path) => ['GET', 'POST'].map((method) => [method, path] as const));
    const seen = await Promise.all(asked.map(([method, path]) => statusOf(method, path)));
    // What is no path at all is no request either.
    expect(seen.filter((line) => !/ (404|400)$/.test(line) && !/ \\\S* (404|400|505)$/.test(line))).toEqual([]);
    expect(seen.filter((line) => / \//.test(line) && !line.endsWith(' 404'))).toEqual([]);
  });
});
