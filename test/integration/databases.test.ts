// Two installations with the same names and secrets in databases 0 and 3 of one Redis: neither notices the other.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../client-sdk/node.js';
import { signToken } from '../../src/auth/token-signer.js';
import { AUTH_SECRET, ADMIN_KEY as adminKey, CLUSTER_SECRET } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { runFanfare, type ServerProcess, startFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const DATABASES = [0, 3] as const;
/** Entries of a channel's history. */
const SIZES: Readonly<Record<number, number>> = { 0: 50, 3: 4 };
/** How backends call what a Redis has once for all databases. */
const NAMES: Readonly<Record<number, { readonly bus: string; readonly library: string }>> = {
  0: { bus: 'fanfare', library: 'fanfare' },
  3: { bus: 'fanfare:3', library: 'fanfare_3' },
};

interface Installation {
  readonly database: number;
  readonly server: ServerProcess;
  readonly heard: unknown[];
  readonly own: string[];
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

let redis: RedisServer;
const all: Installation[] = [];
const closing: (() => unknown)[] = [];
const token = () =>
  signToken({ secret: AUTH_SECRET, subject: 'ann', grants: { subscribe: ['*'] }, lifetimeMs: 600_000 });

function envOf(database: number, more: Readonly<Record<string, string>> = {}) {
  return {
    FANFARE_REDIS_URL: `${redis.url}/${database}`,
    FANFARE_HOST: '127.0.0.1',
    FANFARE_AUTH_SECRET: AUTH_SECRET,
    FANFARE_CLUSTER_SECRET: CLUSTER_SECRET,
    FANFARE_ADMIN_KEY: adminKey,
    FANFARE_ALLOW_STAR_GRANT: 'true',
    FANFARE_NAMESPACES: JSON.stringify({ default: { historySize: SIZES[database] } }),
    FANFARE_LOG_LEVEL: 'warn',
    ...more,
  };
}

async function install(database: number): Promise<Installation> {
  const id = `in-${database}`;
  const server = await startFanfare(['start', '--port', '0', '--node-id', id], { env: envOf(database) });
  const admin = redis.admin.duplicate({ db: database });
  const client = createClient<Record<string, unknown>>({ url: server.url, token: await token() });
  closing.push(
    () => admin.disconnect(),
    () => server.stop(),
    () => client.close(),
  );
  const heard: unknown[] = [];
  const subscription = client.subscribe('news', {}, ({ data }) => void heard.push(data));
  await eventually(async () => subscription.state.type === 'subscribed' || subscription.state.type, 20_000);
  return { database, server, heard, own: [], call: (command, ...args) => admin.call(command, ...args) };
}

beforeAll(async () => {
  redis = await startRedis();
  for (const database of DATABASES) all.push(await install(database));
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await redis?.stop();
});

/** Each has heard what is its own, and nothing else. */
async function expectApart(): Promise<void> {
  await expect.poll(() => all.map(({ heard }) => heard.length)).toEqual(all.map(({ own }) => own.length));
  for (const { heard, own } of all) expect([...heard].sort()).toEqual([...own].sort());
}

it('what is published in one, live, logged or queued, is heard by its own clients alone', async () => {
  for (const { database, call, own } of all) {
    const { bus = '', library = '' } = NAMES[database] ?? {};
    const say = (what: string) => {
      own.push(`${what} in ${database}`);
      return JSON.stringify(own.at(-1));
    };
    await call('PUBLISH', `${bus}:{news}:live`, say('live'));
    await call('PUBLISH', `${bus}:{news}`, say('bare'));
    await call('FCALL', `${library}_publish`, 1, 'news', say('logged'), 'order-1');
    await call('FCALL', `${library}_publish`, 2, 'fanfare:{news}:log', 'fanfare:{news}:tail', say('full'));
    await call('FCALL', `${library}_publish_many`, 1, 'news', say('many'));
    await call('XADD', 'fanfare:ingest', '*', 'channel', 'news', 'data', say('queued'));
  }
  await expectApart();
});

it('history, its limits and its life are each one’s own', async () => {
  const answers = [];
  for (const { database, call, own } of all) {
    const { library = '' } = NAMES[database] ?? {};
    for (let n = 0; n < 10; n++) {
      await call('FCALL', `${library}_publish`, 1, 'news', '"more"');
      own.push('more');
    }
    // One channel after the other in one second: what was tended in one database still has to be in the next.
    await call('FCALL', `${library}_publish`, 1, 'both', '1');
    const life = Number(await call('PTTL', 'fanfare:{both}:log'));
    answers.push([await call('XLEN', 'fanfare:{news}:log'), await call('XLEN', 'fanfare:{both}:log'), life > 0]);
  }
  expect(answers).toEqual([
    [14, 1, true],
    [4, 1, true],
  ]);
  await expectApart();
});

it('a ticket of one is good at no other, nor is what is revoked; and each knows its own nodes', async () => {
  const headers = { Authorization: `Bearer ${await token()}` };
  const ticketOf = async ({ server }: Installation) => {
    const answer = await fetch(`${server.url}/v1/connect`, { method: 'POST', headers });
    return ((await answer.json()) as { ticket: string }).ticket;
  };
  const tickets = await Promise.all(all.map(ticketOf));
  const poll = async ({ server }: Installation, ticket: string | undefined) => {
    const answer = await fetch(`${server.url}/v1/poll`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ channels: { other: 'now' }, waitMs: 0 }),
    });
    return `${answer.status} ${((await answer.json()) as { code?: string }).code ?? ''}`.trim();
  };
  const statuses = await Promise.all(all.flatMap((one) => tickets.map((ticket) => poll(one, ticket))));
  expect(statuses).toEqual(['200', '401 token_claim_invalid', '401 token_claim_invalid', '200']);

  const asAdmin = { Authorization: `Bearer ${adminKey}`, 'Content-Type': 'application/json' };
  const lists = await Promise.all(
    all.map(async ({ server }) => {
      const answer = await fetch(`${server.url}/v1/nodes`, { headers: asAdmin });
      return ((await answer.json()) as { nodes: { id: string }[] }).nodes.map(({ id }) => id);
    }),
  );
  expect(lists).toEqual([['in-0'], ['in-3']]);

  const body = JSON.stringify({ sub: 'ann', ban: true });
  const [first, second] = all as [Installation, Installation];
  const revoked = await fetch(`${first.server.url}/v1/revocations`, { method: 'POST', headers: asAdmin, body });
  expect(revoked.status).toBe(201);
  expect([await poll(first, tickets[0]), await poll(second, tickets[1])]).toEqual(['401 revoked', '200']);
});

it('what one loses of its functions the other keeps, and a message goes out after it', async () => {
  await redis.admin.call('FUNCTION', 'DELETE', 'fanfare_3');
  const [, third] = all as [Installation, Installation];
  const libraries = async () =>
    ((await redis.admin.call('FUNCTION', 'LIST')) as string[][]).map(([, name]) => name).sort();
  await expect.poll(libraries).toEqual(['fanfare', 'fanfare_3']);
  third.own.push('again');
  await third.call('FCALL', 'fanfare_3_publish', 1, 'news', '"again"');
  await expect.poll(() => third.heard.at(-1)).toBe('again');
});

it('a prefix that ends as another one’s library does refuses the start with 78, and so does a number that there is not', async () => {
  const refused = await Promise.all([
    runFanfare(['node', '--port', '0'], { env: envOf(0, { FANFARE_PREFIX: 'fanfare_3' }) }),
    runFanfare(['node', '--port', '0'], { env: envOf(99) }),
    runFanfare(['discovery', '--port', '0'], { env: envOf(99) }),
  ]);
  const lines = refused.map(({ code, stderr }) => [
    code,
    stderr.split('\n').find((line) => line.startsWith('fanfare:')),
  ]);
  expect(lines).toEqual([
    [78, expect.stringMatching(/library "fanfare_3" in Redis.* is none of ours.*FANFARE_PREFIX/)],
    [78, expect.stringMatching(/redisUrl: Redis has no database of this number: raise `databases`/)],
    [78, expect.stringMatching(/redisUrl: Redis has no database of this number: raise `databases`/)],
  ]);
});

it('a user who may not select refuses the start with 78 and the missing right', async () => {
  await redis.admin.call('ACL', 'SETUSER', 'no-select', 'on', '>secret', '~*', '&*', '+@all', '-select');
  const url = redis.url.replace('redis://', 'redis://no-select:secret@');
  const { code, stderr } = await runFanfare(['node', '--port', '0'], {
    env: envOf(0, { FANFARE_REDIS_URL: `${url}/3` }),
  });
  expect([code, stderr]).toEqual([78, expect.stringMatching(/redisUrl: the Redis user lacks a permission.*select/)]);
});
