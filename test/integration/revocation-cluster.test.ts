// A user with a hundred links over four nodes and four transports logs out: all have ended when that is answered, and nobody else's.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { FEEDS, type Feed, type FeedEvent } from '../support/feed.js';
import { runFanfare } from '../support/process.js';

const LINKS = 100;
const OTHERS = 200;
const TRANSPORTS = Object.keys(FEEDS);
const headers = { Authorization: `Bearer ${ADMIN_KEY}`, 'Content-Type': 'application/json' };

describe('a log-out in a cluster of four nodes', () => {
  let cluster: Cluster;
  const open: Feed[] = [];

  beforeAll(async () => {
    cluster = await startCluster({
      engines: ['uws', 'ws', 'uws', 'ws'],
      env: { FANFARE_LINKS_PER_USER: '0', FANFARE_CONNECTS_PER_USER: '10000' },
    });
  });
  // Polls go on in a loop: those of one test would take the processor from the next.
  afterEach(() => {
    for (const feed of open.splice(0)) feed.close();
  });
  afterAll(() => cluster?.close());

  const ask = (path: string, body?: object, method = 'POST') =>
    fetch(`${cluster.discovery.url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });

  /** Revokes until all nodes have confirmed it within a second: one that got no processor for so long is named by a 202. */
  async function revoked(body: object): Promise<Response> {
    let answer = await ask('/v1/revocations', body);
    while (answer.status === 202) answer = await ask('/v1/revocations', body);
    expect(answer.status).toBe(201);
    return answer;
  }

  /** Link number n: its transport and node go round. */
  async function link(user: string, n: number): Promise<Feed> {
    const ticket = await cluster.ticket(user);
    const nodes = [...cluster.nodes.values()];
    const url = nodes[Math.floor(n / TRANSPORTS.length) % nodes.length]?.url ?? '';
    const feed = FEEDS[TRANSPORTS[n % TRANSPORTS.length] ?? '']?.({ url, ticket }, { news: 'now' });
    if (feed === undefined) throw new Error('no such transport');
    open.push(feed);
    expect((await feed.events.nextOf('subscribed', 'refused', 'error', 'closed')).type).toBe('subscribed');
    return feed;
  }

  async function links(count: number, userOf: (n: number) => string): Promise<Feed[]> {
    const feeds: Feed[] = [];
    for (let n = 0; n < count; n += 20) {
      feeds.push(
        ...(await Promise.all(Array.from({ length: Math.min(20, count - n) }, (_, m) => link(userOf(n + m), n + m)))),
      );
    }
    return feeds;
  }

  /** Its next end; polls go on in a loop and end with their next request. */
  const endOf = (feed: Feed): Promise<FeedEvent> => feed.events.nextOf('closed', 'close', 'refused', 'message');

  it('ends its links, lets the user in again, and is told of a node that cannot confirm', async () => {
    const others = await links(OTHERS, (n) => `other-${n % 20}`);
    const own = await links(LINKS, () => 'leaver');
    const old = await cluster.ticket('leaver');
    // The second in which a token was made is not yet over.
    const madeIn = Math.floor(Date.now() / 1000);
    await expect.poll(() => Math.floor(Date.now() / 1000)).toBeGreaterThan(madeIn);

    const answer = await revoked({ sub: 'leaver', reason: 'log-out' });
    const { id } = (await answer.json()) as { id: string };
    // What was published after the answer reaches none of them.
    await fetchPublish(cluster, 'after');
    for (const [n, feed] of own.entries()) {
      const end = await endOf(feed);
      const wanted = n % TRANSPORTS.length < 2 ? { code: 4503 } : { type: 'refused', status: 401, code: 'revoked' };
      expect(end, TRANSPORTS[n % TRANSPORTS.length]).toMatchObject(wanted);
    }
    for (const feed of others) expect(await endOf(feed)).toMatchObject({ type: 'message', data: 'after' });
    for (const { url } of cluster.nodes.values()) {
      const poll = await fetch(`${url}/v1/poll`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${old}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ channels: { news: '-1' } }),
      });
      expect(poll.status).toBe(401);
    }
    const again = await links(4, () => 'leaver');
    await fetchPublish(cluster, 'welcome');
    for (const feed of again) expect(await endOf(feed)).toMatchObject({ type: 'message', data: 'welcome' });
    const list = (await (await ask('/v1/revocations', undefined, 'GET')).json()) as { revocations: object[] };
    expect(list.revocations).toContainEqual(expect.objectContaining({ id, sub: 'leaver', reason: 'log-out' }));
  });

  it('is answered 202 with the node that is stopped, and 201 once that goes on', async () => {
    const stopped = cluster.nodes.get('n2');
    const feed = await FEEDS.websocket?.(
      { url: stopped?.url ?? '', ticket: await cluster.ticket('u9') },
      { news: 'now' },
    );
    if (feed === undefined || stopped === undefined) throw new Error('no node n2');
    open.push(feed);
    await feed.events.nextOf('subscribed');
    process.kill(stopped.pid, 'SIGSTOP');
    try {
      const answer = await ask('/v1/revocations', { sub: 'u9', ban: true });
      expect(answer.status).toBe(202);
      expect(await answer.json()).toMatchObject({ pending: expect.arrayContaining(['n2']) });
    } finally {
      process.kill(stopped.pid, 'SIGCONT');
    }
    expect(await feed.events.nextOf('closed')).toMatchObject({ code: 4503 });
    await revoked({ sub: 'u10', ban: true });
  });

  it('disconnects a user, who comes back', async () => {
    const [feed] = await links(1, () => 'u11');
    expect((await ask('/v1/users/u11/disconnect')).status).toBe(202);
    expect(await feed?.events.nextOf('closed')).toMatchObject({ code: 4008 });
    const [again] = await links(1, () => 'u11');
    await fetchPublish(cluster, 'back');
    expect(await again?.events.nextOf('message', 'closed')).toMatchObject({ data: 'back' });
  });

  it('is asked for at a terminal, and taken back there', async () => {
    const env = {
      FANFARE_URL: cluster.discovery.url,
      FANFARE_ADMIN_KEY: `${ADMIN_KEY},another-key-of-the-tests-0123456789`,
    };
    const { code, stdout, stderr } = await runFanfare(['revoke', 'u20', '--ban', '--reason', 'test', '--ttl', '1h'], {
      env,
    });
    expect([code, stderr]).toEqual([0, expect.stringContaining('no token of "u20" is taken any more')]);
    const id = stdout.trim();
    await expect(cluster.ticket('u20')).rejects.toThrow(/401.*revoked/);
    const list = (await (await ask('/v1/revocations', undefined, 'GET')).json()) as { revocations: object[] };
    expect(list.revocations).toContainEqual(expect.objectContaining({ id, sub: 'u20', ban: true, reason: 'test' }));
    expect(await runFanfare(['revoke', '--withdraw', id], { env })).toMatchObject({ code: 0 });
    await cluster.ticket('u20');
    const ended = { code: 0, stderr: 'fanfare: the links of "u20" end now\n' };
    expect(await runFanfare(['disconnect', 'u20'], { env })).toMatchObject(ended);
    const again = await runFanfare(['revoke', '--withdraw', id], { env });
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('not_found')]);
    const wrong = { ...env, FANFARE_ADMIN_KEY: 'not-the-key-of-the-tests-0123456789' };
    expect((await runFanfare(['disconnect', 'u20'], { env: wrong })).stderr).toContain('forbidden');
    expect(await runFanfare(['revoke', 'u1', '--jti', 'x'], { env })).toMatchObject({ code: 78 });
    expect(await runFanfare(['revoke', 'u1', '--ttl', 'soon'], { env })).toMatchObject({ code: 78 });
    expect(await runFanfare(['revoke', 'u1'], { env: { FANFARE_URL: cluster.discovery.url } })).toMatchObject({
      code: 78,
    });
  });

  it('is kept through a node that restarts, and refused with 503 while Redis is away', async () => {
    const old = await cluster.ticket('u12');
    await revoked({ sub: 'u12', ban: true });
    await cluster.nodes.get('n1')?.stop();
    const { url } = await cluster.startNode('n1', 'uws');
    const poll = await fetch(`${url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${old}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { news: '-1' } }),
    });
    expect(poll.status).toBe(401);
    await cluster.redis.kill();
    await expect.poll(async () => (await ask('/v1/revocations', { sub: 'u13' })).status).toBe(503);
    await expect
      .poll(async () => (await fetch(`${url}/readyz`)).json())
      .toMatchObject({ checks: expect.arrayContaining([expect.objectContaining({ name: 'revocations', ok: false })]) });
    await cluster.redis.restart();
    // It came back empty: what was revoked is written back.
    await expect
      .poll(async () => (await (await ask('/v1/revocations', undefined, 'GET')).json()) as object, { timeout: 20_000 })
      .toMatchObject({ revocations: expect.arrayContaining([expect.objectContaining({ sub: 'u12' })]) });
  });
});

async function fetchPublish({ nodes, env }: Cluster, data: string): Promise<void> {
  const [node] = nodes.values();
  const answer = await fetch(`${node?.url}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${env.FANFARE_PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel: 'news', data }),
  });
  expect(answer.status).toBe(200);
}
