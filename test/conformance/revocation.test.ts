// What is revoked ends on every transport, on both engines, whether the list is in memory or in Redis; and whoever is not goes on.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisRevocations } from '../../src/broker/redis/revocations.js';
import { createMemoryRevocations } from '../../src/cluster/memory-revocations.js';
import type { RevocationLog } from '../../src/cluster/revocation-log.js';
import { Revocations } from '../../src/cluster/revocations.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createFaultyBroker } from '../support/faulty-broker.js';
import { FEEDS, type Feed, SocketClient } from '../support/feed.js';
import { post } from '../support/http-post.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const HOUR_MS = 3_600_000;
const ENGINES = ['uws', 'ws'] as const;
const LISTS = ['memory', 'redis'] as const;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.each(ENGINES.flatMap((engine) => LISTS.map((list) => ({ engine, list }))))(
  'on the $engine engine with the list in $list',
  ({ engine, list }) => {
    let connection: RedisConnection | undefined;
    let log: RevocationLog;
    let revocations: Revocations;
    let node: TestNode;
    let feeds: Feed[] = [];

    beforeEach(async () => {
      log = await openLog();
      revocations = new Revocations({ log, member: 'n1', falsePositives: 0.001, logger: silentLogger });
      await revocations.start();
      node = await startNode({ engine, revocations, allowUserTokens: true });
    });
    afterEach(async () => {
      for (const feed of feeds) feed.close();
      feeds = [];
      await node.close();
      await revocations.close();
      await connection?.close();
    });

    async function openLog(): Promise<RevocationLog> {
      if (list === 'memory') return createMemoryRevocations();
      await redis.admin.flushall();
      const namespaces = new Namespaces();
      connection = new RedisConnection({ url: redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
      await connection.start();
      return createRedisRevocations(connection);
    }

    async function open(transport: string, ticket: string): Promise<Feed> {
      const waiting = () => node.node.stats().waitingPolls ?? 0;
      const before = waiting();
      const feed = FEEDS[transport]?.({ url: node.url, ticket }, { news: 'now' });
      if (feed === undefined) throw new Error(`no transport ${transport}`);
      feeds.push(feed);
      expect(await feed.events.nextOf('subscribed', 'refused', 'error')).toMatchObject({ type: 'subscribed' });
      if (transport === 'long-poll') await expect.poll(waiting).toBe(before + 1);
      return feed;
    }

    const ofUser = (user: string, jti?: string) => node.ticketOf(user, Date.now() - 5_000, jti);
    /** In force here once this has resolved. */
    const revoke = async (order: Parameters<RevocationLog['add']>[0]) => {
      const stored = await log.add(order);
      await revocations.readNow();
      expect(await log.behind(stored)).toEqual([]);
      return stored.revocation;
    };
    const end = (feed: Feed) => feed.events.nextOf('closed', 'close', 'refused');

    const ENDS: Readonly<Record<string, object>> = {
      websocket: { type: 'closed', code: 4503, reason: 'revoked: the token has been revoked' },
      sse: { type: 'close', code: 4503, reason: 'revoked: the token has been revoked' },
      'long-poll': { type: 'refused', status: 401, code: 'revoked' },
      'short-poll': { type: 'refused', status: 401, code: 'revoked' },
    };

    it.each(Object.keys(FEEDS))('a log-out ends the links of its user by %s, and nobody else', async (transport) => {
      const feed = await open(transport, ofUser('u1'));
      const other = await open(transport, ofUser('u2'));
      await revoke({ kind: 'logout', name: 'u1', lifeMs: HOUR_MS });
      expect(await end(feed)).toMatchObject(ENDS[transport] ?? {});
      await node.broker.publish({ channel: 'news', data: '1' });
      expect(await other.events.nextOf('message', 'closed', 'refused')).toMatchObject({ type: 'message', data: 1 });
      // Nor does the ticket open anything any more, while who logs in again stays.
      const again = FEEDS[transport]?.({ url: node.url, ticket: ofUser('u1') }, { news: 'now' });
      if (again !== undefined) feeds.push(again);
      expect(await again?.events.nextOf('closed', 'refused', 'message', 'subscribed')).toMatchObject(
        transport === 'websocket' ? { code: 4503 } : { status: 401, code: 'revoked' },
      );
      await open(transport, node.ticketOf('u1', Date.now()));
    });

    it.each([
      ['its id', { kind: 'token', name: 'j1' }],
      ['a ban of its user', { kind: 'ban', name: 'u1' }],
      ['the moment of its issue', { kind: 'before', name: '', issuedBefore: Math.floor(Date.now() / 1000) + 600 }],
    ] as const)('a token is revoked by %s', async (_title, order) => {
      const socket = await open('websocket', ofUser('u1', 'j1'));
      const poll = await open('long-poll', ofUser('u1', 'j1'));
      await revoke({ ...order, lifeMs: HOUR_MS });
      expect(await end(socket)).toMatchObject({ code: 4503 });
      expect(await end(poll)).toMatchObject({ code: 'revoked' });
      const now = node.ticketOf('u1', Date.now(), 'j2');
      const isIn = order.kind === 'token';
      expect((await post(`${node.url}/v1/poll`, { channels: { news: '-1' } }, { ticket: now })).status).toBe(
        isIn ? 200 : 401,
      );
    });

    it("a user's own token is revoked as its ticket is", async () => {
      const token = node.token('u1', 'j1');
      const feed = await open('sse', token);
      await revoke({ kind: 'token', name: 'j1', lifeMs: HOUR_MS });
      expect(await end(feed)).toMatchObject({ type: 'close', code: 4503 });
      const publish = await post(`${node.url}/v1/publish`, { channel: 'news', data: 1 }, { ticket: token });
      expect(publish).toMatchObject({ status: 401, body: { code: 'revoked' } });
    });

    it('a link does not take a revoked ticket for a fresh one, and goes on with its own', async () => {
      const client = new SocketClient(node.url);
      feeds.push(client);
      client.connect(node.ticketOf('u1', Date.now(), 'j1'));
      await client.events.nextOf('connected');
      await revoke({ kind: 'token', name: 'j2', lifeMs: HOUR_MS });
      client.command({ type: 'refresh', token: ofUser('u1', 'j2') });
      expect(await client.events.nextOf('error', 'refreshed', 'closed')).toMatchObject({
        type: 'error',
        code: 'revoked',
      });
      client.command({ type: 'refresh', token: node.ticketOf('u1', Date.now(), 'j3') });
      expect(await client.events.nextOf('error', 'refreshed', 'closed')).toMatchObject({ type: 'refreshed' });
      // From now on it is the fresh one that counts.
      await revoke({ kind: 'token', name: 'j1', lifeMs: HOUR_MS });
      client.command({ type: 'subscribe', channels: { news: 'now' } });
      expect(await client.events.nextOf('subscribed', 'closed')).toMatchObject({ type: 'subscribed' });
      await revoke({ kind: 'token', name: 'j3', lifeMs: HOUR_MS });
      expect(await client.events.nextOf('closed')).toMatchObject({ code: 4503 });
    });

    it('what is withdrawn is good again', async () => {
      const { id } = await revoke({ kind: 'ban', name: 'u1', lifeMs: HOUR_MS });
      const ticket = ofUser('u1');
      const poll = () => post(`${node.url}/v1/poll`, { channels: { news: '-1' } }, { ticket });
      expect((await poll()).status).toBe(401);
      await log.withdraw(id);
      await revocations.readNow();
      expect((await poll()).status).toBe(204);
    });

    it.each(Object.keys(FEEDS).filter((name) => name !== 'short-poll'))(
      'a disconnect ends links by %s, which may come back after a second',
      async (transport) => {
        const ticket = ofUser('u1');
        const feed = await open(transport, ticket);
        await revoke({ kind: 'disconnect', name: 'u1', lifeMs: 60_000 });
        const events = transport === 'websocket' ? await feed.events.take(2, 'error', 'closed') : [await end(feed)];
        expect(events[0]).toMatchObject({ retryAfterMs: 1_000 });
        expect(events.at(-1)).toMatchObject(
          { websocket: { code: 4008 }, sse: { code: 4008 }, 'long-poll': { status: 503, code: 'disconnected' } }[
            transport
          ] ?? {},
        );
        await open(transport, ticket);
      },
    );

    it('a client that was revoked while its request was on its way gets nothing', async () => {
      const ticket = ofUser('u1');
      const body = JSON.stringify({ channels: { news: '-1' } });
      const { request } = await import('node:http');
      const headers = {
        Authorization: `Bearer ${ticket}`,
        'Content-Type': 'application/json',
        'Content-Length': body.length,
      };
      const sent = request(`${node.url}/v1/stream`, { method: 'POST', headers, agent: false });
      sent.write(body.slice(0, 5));
      await expect.poll(() => node.node.stats().httpClients).toBe(1);
      await revoke({ kind: 'logout', name: 'u1', lifeMs: HOUR_MS });
      const status = new Promise((resolve) =>
        sent.once('response', (response) => resolve(response.resume().statusCode)),
      );
      sent.end(body.slice(5));
      expect(await status).toBe(401);
    });

    it('many links of one user are ended before it is said to be in force, and the others stay', async () => {
      const clients = Array.from({ length: 300 }, (_, n) => {
        const client = new SocketClient(node.url);
        feeds.push(client);
        client.connect(ofUser(n % 3 === 0 ? 'u1' : `other-${n}`));
        return client;
      });
      await Promise.all(clients.map(({ events }) => events.nextOf('connected')));
      expect(node.node.stats().sockets).toBe(300);
      await revoke({ kind: 'logout', name: 'u1', lifeMs: HOUR_MS });
      const ended = clients.filter((_, n) => n % 3 === 0);
      for (const { events } of ended) expect(await events.nextOf('closed')).toMatchObject({ code: 4503 });
      await expect.poll(() => node.node.stats().sockets).toBe(200);
      expect(node.node.checks().find(({ name }) => name === 'revocations')).toMatchObject({ ok: true });
    });
  },
);

describe('a short poll that reads the log', () => {
  it('is answered as revoked where that became known meanwhile', async () => {
    const log = createMemoryRevocations();
    const revocations = new Revocations({ log, member: 'n1', falsePositives: 0.001, logger: silentLogger });
    await revocations.start();
    const broker = createFaultyBroker();
    const node = await startNode({ engine: 'ws', revocations, broker });
    try {
      await broker.publish({ channel: 'news', data: '1' });
      const read = broker.read.bind(broker);
      broker.read = async (...args) => {
        const page = await read(...args);
        await log.add({ kind: 'ban', name: 'u1', lifeMs: HOUR_MS });
        await revocations.readNow();
        return page;
      };
      const ticket = node.ticket('u1');
      const answer = await post(`${node.url}/v1/poll`, { channels: { news: '-1' } }, { ticket });
      expect(answer).toMatchObject({ status: 401, body: { code: 'revoked' } });
    } finally {
      await node.close();
      await revocations.close();
    }
  });
});
