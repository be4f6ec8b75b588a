// The recipes of examples/backends, run as they stand by the user of Redis that OPERATIONS documents for publishers, with a key prefix where a client has one.

import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeSubject } from '../../src/auth/grant-patterns.js';
import { documentedUsers, makeDocumentedUsers } from '../support/documented-users.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const source = (name: string) => join(ROOT, 'examples/backends', name);
const PUBLISH_KEY = 'publish-key-of-the-recipes-0123456789';
const SECRET = 'a-secret-of-at-least-thirty-two-bytes';
/** Debian's: another one on the path may lack the package. */
const PYTHON = '/usr/bin/python3';
const PREDIS = '/usr/share/php/Predis/autoload.php';
const USERS = 10_000;
const SUBS = ['u1', 'auth0|1', 'ä b/*:$'];
/** Of which a URL holds nothing as it is. */
const ESCAPED = { user: 'shop@home', password: 'p@ss/w:rd%20' };
const OFFSET = /^\d{13}-\d{16}$/;

type Task = 'publish' | 'transaction' | 'everyone' | 'channel' | 'outbox' | 'relay';

interface Recipe {
  readonly title: string;
  /** What exits with 0 where it can run; scripts/pretest.mjs installs it. */
  readonly needs: readonly [string, ...string[]];
  readonly command: (folder: string) => readonly [string, ...string[]];
  readonly make?: (folder: string) => readonly [string, ...string[]];
  readonly tasks: readonly Task[];
  /** What it says hello from. */
  readonly from: string;
  readonly over?: 'http';
}

const ALL: readonly Task[] = ['publish', 'transaction', 'everyone', 'channel', 'relay'];
const RECIPES: readonly Recipe[] = [
  {
    title: 'redis-py',
    needs: [PYTHON, '-c', 'import redis'],
    command: () => [PYTHON, source('redis_py.py')],
    tasks: ['publish', 'transaction', 'everyone', 'channel', 'outbox'],
    from: 'redis-py',
  },
  {
    title: 'phpredis',
    needs: ['php', '-r', 'exit(class_exists("Redis") ? 0 : 1);'],
    command: () => ['php', source('phpredis.php')],
    tasks: ALL,
    from: 'phpredis',
  },
  {
    title: 'Predis',
    needs: ['php', '-r', `exit(file_exists("${PREDIS}") ? 0 : 1);`],
    command: () => ['php', source('predis.php')],
    tasks: ['publish', 'transaction', 'everyone', 'relay'],
    from: 'predis',
  },
  {
    title: 'node-redis',
    needs: [process.execPath, '--version'],
    command: () => [process.execPath, source('node-redis.mjs')],
    tasks: ALL,
    from: 'node-redis',
  },
  {
    title: 'ioredis',
    needs: [process.execPath, '--version'],
    command: () => [process.execPath, source('ioredis.mjs')],
    tasks: ['publish', 'transaction', 'everyone', 'relay'],
    from: 'ioredis',
  },
  {
    title: 'redis-rb',
    needs: ['ruby', '-e', 'require "redis"'],
    command: () => ['ruby', source('redis.rb')],
    tasks: ALL,
    from: 'ruby',
  },
  {
    title: "Go's net/http",
    needs: ['go', 'version'],
    make: (folder) => ['go', 'build', '-o', join(folder, 'http'), source('http.go')],
    command: (folder) => [join(folder, 'http')],
    tasks: ['publish', 'everyone', 'channel', 'relay'],
    from: 'go',
    over: 'http',
  },
  {
    title: 'Java',
    needs: ['sh', '-c', 'java --list-modules | grep -q jdk.compiler'],
    make: (folder) => ['javac', '-d', folder, source('UserChannel.java')],
    command: (folder) => ['java', '-cp', folder, 'UserChannel'],
    tasks: ['channel'],
    from: '',
  },
];

const run = promisify(execFile);
let redis: RedisServer;
let server: ServerProcess;
const folder = mkdtempSync(join(tmpdir(), 'fanfare-recipes-'));

beforeAll(async () => {
  redis = await startRedis();
  await makeDocumentedUsers(redis.admin);
  await redis.admin.call(
    'ACL',
    'SETUSER',
    ESCAPED.user,
    ...(documentedUsers().get('publisher') ?? []),
    'resetpass',
    `>${ESCAPED.password}`,
  );
  // Who is nobody there is not taken for a publisher.
  await redis.admin.call('ACL', 'SETUSER', 'default', '-fcall');
  const { host, port } = redis;
  server = await startFanfare(['start'], {
    env: {
      FANFARE_PORT: '0',
      FANFARE_REDIS_URL: `redis://fanfare-node:secret@${host}:${port}`,
      FANFARE_AUTH_SECRET: SECRET,
      FANFARE_CLUSTER_SECRET: SECRET.toUpperCase(),
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await redis?.stop();
  rmSync(folder, { recursive: true });
});

const canBeRun = ({ needs: [program, ...args] }: Recipe) => spawnSync(program, args).status === 0;
const redisUrl = (account: string) => `redis://${account}${redis.host}:${redis.port}`;

/** What it says of a task; `account` is who it is at Redis. */
async function answerOf({ title, command, over }: Recipe, account: string, ...task: readonly [Task, ...string[]]) {
  const [recipe, ...first] = command(folder);
  const where = over === 'http' ? [server.url] : title === 'Java' ? [] : [redisUrl(account)];
  const env = { ...process.env, FANFARE_PUBLISH_KEY: PUBLISH_KEY, PREDIS_AUTOLOAD: PREDIS };
  const { stdout } = await run(recipe, [...first, ...where, ...task], { env, maxBuffer: 4 * 1024 * 1024 });
  return JSON.parse(stdout) as unknown;
}

describe.each(RECIPES)('$title', (recipe) => {
  const { make, tasks, from, over } = recipe;
  const canRun = canBeRun(recipe);
  beforeAll(async () => {
    await redis.admin.flushdb();
    if (!canRun || make === undefined) return;
    const [compiler, ...flags] = make(folder);
    execFileSync(compiler, flags);
  });

  const answer = (...task: readonly [Task, ...string[]]) => answerOf(recipe, 'publisher:secret@', ...task);
  const stored = async (channel: string) => {
    const entries = await redis.admin.xrange(`fanfare:{${channel}}:log`, '-', '+');
    return entries.map(([, fields]) => JSON.parse(fields[fields.indexOf('d') + 1] ?? 'null'));
  };

  if (tasks.includes('publish'))
    it.skipIf(!canRun)('publishes on the channel that it names, once for a key', async () => {
      const first = await answer('publish');
      expect(first).toMatch(OFFSET);
      expect(await answer('publish')).toBe(first);
      expect(await stored('news')).toEqual([{ hello: from }]);
    });

  if (over !== 'http' && tasks.includes('publish')) {
    it.skipIf(!canRun)('is who its URL says, however that is written, and nobody else', async () => {
      const [user, password] = [ESCAPED.user, ESCAPED.password].map(encodeURIComponent);
      expect(await answerOf(recipe, `${user}:${password}@`, 'publish')).toMatch(OFFSET);
      await expect(answerOf(recipe, 'publisher:wrong@', 'publish')).rejects.toThrow(/WRONGPASS/);
      await expect(answerOf(recipe, '', 'publish')).rejects.toThrow(/NOPERM|no permissions/);
    });

    it.skipIf(!canRun)('comes without a user where its URL has none', async () => {
      await redis.admin.call('ACL', 'SETUSER', 'default', '+fcall');
      try {
        expect(await answerOf(recipe, '', 'publish')).toMatch(OFFSET);
        await redis.admin.call('ACL', 'SETUSER', 'default', 'resetpass', '>secret');
        expect(await answerOf(recipe, ':secret@', 'publish')).toMatch(OFFSET);
      } finally {
        await redis.admin.call('ACL', 'SETUSER', 'default', 'nopass', '-fcall');
      }
    });
  }

  if (tasks.includes('transaction'))
    it.skipIf(!canRun)('publishes two messages in one transaction', async () => {
      expect(await answer('transaction')).toEqual([expect.stringMatching(OFFSET), expect.stringMatching(OFFSET)]);
      expect([await stored('order:17'), await stored('orders')]).toEqual([[{ order: 17 }], [{ order: 17 }]]);
    });

  if (tasks.includes('transaction'))
    it.skipIf(!canRun)('fails where one of the two is refused', async () => {
      await redis.admin.flushdb();
      await redis.admin.set('fanfare:{orders}:log', 'of another kind');
      await expect(answer('transaction')).rejects.toThrow(/WRONGTYPE/);
      await redis.admin.flushdb();
    });

  if (tasks.includes('everyone'))
    it.skipIf(!canRun)('reaches 10,000 users at once', async () => {
      const offsets = (await answer('everyone', String(USERS))) as readonly string[];
      expect([offsets.length, offsets.filter((offset) => !OFFSET.test(offset))]).toEqual([USERS, []]);
      for (const user of [0, 4_711, USERS - 1]) expect(await stored(`user:${user}`)).toEqual([{ hello: String(user) }]);
    });

  if (tasks.includes('everyone'))
    it.skipIf(!canRun)('fails where one of many is refused, and says which', async () => {
      await redis.admin.set('fanfare:{user:1}:log', 'of another kind');
      await expect(answer('everyone', '3')).rejects.toThrow(over === 'http' ? /user:1: / : /user:1: WRONGTYPE/);
      await redis.admin.del('fanfare:{user:1}:log');
    });

  if (tasks.includes('outbox'))
    it.skipIf(!canRun)('publishes what stands in an outbox, once, however often the relay runs', async () => {
      const path = join(folder, 'outbox.sqlite');
      await redis.admin.del('fanfare:{orders}:log');
      const runs = [await answer('outbox', path), await answer('outbox', path)] as readonly (readonly string[])[];
      expect(runs.map((offsets) => offsets.length)).toEqual([1, 1]);
      // Two orders that look alike are two.
      expect(await stored('orders')).toEqual([{ order: 18 }, { order: 18 }]);
    });

  if (tasks.includes('relay'))
    it.skipIf(!canRun)(
      'publishes rows of an outbox in their order, each once, however often it relays them',
      async () => {
        const rows = [4, 5, 6].map((id) => ({ id, channel: id === 5 ? 'invoices' : 'outgoing', data: { order: 18 } }));
        const first = await answer('relay', JSON.stringify(rows.slice(0, 2)));
        const offsets = (await answer('relay', JSON.stringify(rows))) as readonly string[];
        expect([offsets.slice(0, 2), offsets.length]).toEqual([first, 3]);
        expect(await stored('outgoing')).toEqual([{ order: 18 }, { order: 18 }]);
        expect(await stored('invoices')).toEqual([{ order: 18 }]);
      },
    );

  if (tasks.includes('channel'))
    it.skipIf(!canRun)('writes the channel of a user as Fanfare does', async () => {
      for (const sub of SUBS) expect([sub, await answer('channel', sub)]).toEqual([sub, `user:${escapeSubject(sub)}`]);
    });
});

it('can be tried one after the other on one Redis, with what README publishes there', async () => {
  await redis.admin.flushdb();
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, data = '', key = ''] = /^redis-cli FCALL fanfare_publish 1 news '(.*)' (\S+)/m.exec(readme) ?? [];
  await redis.admin.call('ACL', 'SETUSER', 'default', '+fcall');
  expect(await redis.admin.call('FCALL', 'fanfare_publish', '1', 'news', data, key)).toMatch(OFFSET);
  const recipes = RECIPES.filter(({ tasks }) => tasks.includes('publish')).filter(canBeRun);
  expect(recipes.length).toBeGreaterThan(1);
  for (const recipe of recipes) {
    for (const task of ['publish', 'transaction'] as const)
      if (recipe.tasks.includes(task)) await answerOf(recipe, 'publisher:secret@', task);
  }
});
