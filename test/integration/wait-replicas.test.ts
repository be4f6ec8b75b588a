// `waitReplicas` from the outside: over HTTP, WebSocket, the queue and the command line, on a real master and replica.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BareSocket, makeToken } from '../conformance/stranger-client.js';
import { type RunningServer, startServer } from '../conformance/stranger-server.js';
import { runFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
const PUBLISH_KEY = 'publish-key-of-the-tests-0123456789';

const online = (master: RedisServer) => async () =>
  /slave0:.*state=online/.test(await master.admin.info('replication'));

describe.each(['uws', 'ws'])('on the %s engine, a node that waits for one replica', (engine) => {
  let master: RedisServer;
  let replica: RedisServer;
  let server: RunningServer;

  beforeAll(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    replica = await startRedis();
    server = await startServer('start', {
      FANFARE_ENGINE: engine,
      FANFARE_REDIS_URL: master.url,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
      FANFARE_WAIT_REPLICAS: '1',
    });
  });
  afterAll(async () => {
    await server?.stop();
    await replica?.stop();
    await master?.stop();
  });

  const publish = (order: object): Promise<Response> =>
    fetch(`${server.url}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channel: 'news', data: 1, ...order }),
    });
  const token = () => makeToken(SECRET, { sub: 'u1', fanfare: { subscribe: ['news'], publish: ['news'] } });

  it('answers 503 before it writes while there is none, and a request cannot ask for fewer', async () => {
    for (const order of [{}, { waitReplicas: 0 }, { waitReplicas: 1 }]) {
      const answer = await publish(order);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      expect(await answer.json()).toMatchObject({ code: 'replicas_unavailable', retryAfterMs: 1_000 });
    }
    const { socket } = await BareSocket.connected(server.url, token());
    socket.command('publish', { channel: 'news', data: 1 });
    expect(await socket.nextOf('error')).toMatchObject({ code: 'replicas_unavailable', retryAfterMs: 1_000 });
    await socket.close();
    expect(await master.admin.exists('fanfare:{news}:log')).toBe(0);
  });

  it('lets the queue wait until there is one', async () => {
    const { socket } = await BareSocket.connected(server.url, token());
    socket.command('subscribe', { channels: { news: 'now' } });
    await socket.nextOf('subscribed');
    await master.admin.xadd('fanfare:ingest', '*', 'channel', 'news', 'data', '"queued"');
    await expect.poll(server.log).toContain('a channel of the queue cannot be published on now');
    await replica.admin.replicaof(master.host, master.port);
    expect(await socket.nextOf('message')).toMatchObject({ data: 'queued' });
    await expect.poll(() => master.admin.xlen('fanfare:ingest')).toBe(0);
    await socket.close();
  });

  it('answers with the offset when the replica has it', async () => {
    await expect.poll(online(master)).toBe(true);
    const { offset } = (await (await publish({})).json()) as { offset: string };
    expect(await replica.admin.get('fanfare:{news}:tail')).toContain(offset);
    expect((await publish({ waitReplicas: 2 })).status).toBe(503);
  });

  it('refuses a client that asks for more than the node waits for, and takes the same number', async () => {
    const { socket } = await BareSocket.connected(server.url, token());
    socket.command('publish', { channel: 'news', data: 1, waitReplicas: 2 });
    expect(await socket.nextOf('error')).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('1 at most'),
    });
    socket.command('publish', { channel: 'news', data: 1, waitReplicas: 1 });
    expect(await socket.nextOf('published')).toMatchObject({ channel: 'news' });
    await socket.close();
  });

  it('takes the same from the command line', async () => {
    const args = ['publish', 'news', '"cli"', '--url', server.url, '--token', token(), '--wait-replicas'];
    const { code, stdout, stderr } = await runFanfare([...args, '1']);
    expect([code, stderr]).toEqual([0, '']);
    expect(await replica.admin.get('fanfare:{news}:tail')).toContain(stdout.trim());
    const refused = await runFanfare([...args, '2']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('forbidden')]);
    const wrong = await runFanfare([...args, '6']);
    expect([wrong.code, wrong.stderr]).toEqual([78, expect.stringContaining('expected a whole number 0..5')]);
  });

  it('answers 504 with an unknown outcome when the replica hangs, and the retry with the key waits again', async () => {
    replica.pause();
    try {
      for (let attempt = 0; attempt < 2; attempt++) {
        const answer = await publish({ data: 2, key: 'k' });
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([504, '1']);
        expect(await answer.json()).toMatchObject({ code: 'ack_timeout', outcome: 'unknown' });
      }
    } finally {
      replica.resume();
    }
    const { offset } = (await (await publish({ data: 2, key: 'k' })).json()) as { offset: string };
    expect(await master.admin.get('fanfare:{news}:tail')).toContain(offset);
    expect(await replica.admin.get('fanfare:{news}:tail')).toContain(offset);
  });
});

it('is refused at the start without Redis', async () => {
  const { code, stderr } = await runFanfare(['config', 'check', '--wait-replicas', '1']);
  expect([code, stderr]).toEqual([
    78,
    expect.stringContaining('waitReplicas (flag --wait-replicas): the memory broker'),
  ]);
});
