// A node that an operator drains through discovery sends its clients away and ends, as docs/OPERATIONS.md says.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BareSocket, makeToken } from '../conformance/stranger-client.js';
import { type RunningServer, startServer } from '../conformance/stranger-server.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const ADMIN = { Authorization: 'Bearer the-key-of-the-operator' };

describe('a drain through discovery', () => {
  let redis: RedisServer;
  let discovery: RunningServer;
  const nodes: RunningServer[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    const env = {
      FANFARE_HOST: '127.0.0.1',
      FANFARE_REDIS_URL: redis.url,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
      FANFARE_ADMIN_KEY: 'the-key-of-the-operator',
    };
    discovery = await startServer('discovery', env);
    for (const id of ['n1', 'n2']) nodes.push(await startServer('node', { ...env, FANFARE_NODE_ID: id }));
  });
  afterAll(async () => {
    for (const server of [discovery, ...nodes]) await server?.stop();
    await redis?.stop();
  });

  const states = async (): Promise<Record<string, string>> => {
    const response = await fetch(`${discovery.url}/v1/nodes`, { headers: ADMIN });
    const body = (await response.json()) as { nodes: { id: string; state: string }[] };
    return Object.fromEntries(body.nodes.map(({ id, state }) => [id, state]));
  };
  const connect = async () => {
    const headers = { Authorization: `Bearer ${makeToken(SECRET, { sub: 'u1' })}` };
    const response = await fetch(`${discovery.url}/v1/connect`, { method: 'POST', headers });
    return (await response.json()) as { node: { id: string; url: string }; ticket: string };
  };

  it('moves the clients, ends the process with 0, and leaves the other node', async () => {
    await expect.poll(states).toEqual({ n1: 'ready', n2: 'ready' });
    const { node, ticket } = await connect();
    const { socket } = await BareSocket.connected(node.url, ticket);
    const drained = nodes[node.id === 'n1' ? 0 : 1];
    const ended = expect.poll(() => drained?.exitCode()).toBe(0);

    const answer = await fetch(`${discovery.url}/v1/nodes/${node.id}/drain`, { method: 'POST', headers: ADMIN });
    expect(answer.status).toBe(202);
    expect(await socket.next()).toEqual({ type: 'move', withinMs: expect.any(Number), reason: 'draining' });
    expect((await connect()).node.id).not.toBe(node.id);
    await socket.close();
    await ended;
    await expect.poll(states).toEqual({ [node.id === 'n1' ? 'n2' : 'n1']: 'ready' });
  });

  it('needs the admin key', async () => {
    const response = await fetch(`${discovery.url}/v1/nodes/n1/drain`, { method: 'POST' });
    expect(response.status).toBe(401);
  });
});
