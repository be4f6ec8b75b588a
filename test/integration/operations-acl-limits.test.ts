// The Redis permissions that docs/OPERATIONS.md gives allow nothing else: every command that Redis has is tried, on what is not theirs.

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateLibrary } from '../../src/broker/redis/functions/library.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { documentedUsers, makeDocumentedUsers } from '../support/documented-users.js';
import { type RedisServer, startRedis } from '../support/redis.js';

/** What is somebody else's: another channel's log, the registry, the lease of the queue, another application's key. */
const THEIRS = {
  channel: 'fanfare:{other}:log',
  cluster: 'fanfare:{!cluster}:nodes',
  lease: 'fanfare:ingest:lease',
  foreign: 'some:application:key',
};
/** For a publisher every channel is its own. */
const NOT_OF_PUBLISHERS = [THEIRS.cluster, THEIRS.lease, THEIRS.foreign];
const NAMES = Object.values(THEIRS);
/** `EXEC` says it in words of its own. */
const REFUSED = /^(EXECABORT Transaction discarded because of: )?NOPERM/;

interface Command {
  /** `xinfo|stream` as its two words. */
  readonly words: readonly string[];
  readonly name: string;
  /** Arguments behind the words that Redis asks for at least. */
  readonly least: number;
  readonly categories: readonly string[];
}

const documented = documentedUsers();

let server: RedisServer;
let commands: readonly Command[];
const clients: Redis[] = [];

beforeAll(async () => {
  // Else Redis refuses these to everybody, and the permissions are not asked.
  server = await startRedis({ args: ['--enable-module-command', 'yes', '--enable-debug-command', 'yes'] });
  await makeDocumentedUsers(server.admin);
  await server.admin.call(
    'FUNCTION',
    'LOAD',
    generateLibrary({ prefix: 'fanfare', namespaces: new Namespaces() }).code(0),
  );
  await server.admin.hset(THEIRS.cluster, 'n1', '{}');
  await server.admin.set(THEIRS.lease, 'holder');
  await server.admin.set(THEIRS.foreign, 'theirs');
  commands = ((await server.admin.call('COMMAND')) as unknown[][]).flatMap(commandsOf);
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server?.stop();
});

function commandsOf(info: readonly unknown[]): Command[] {
  const [name, arity, , , , , categories, , , subcommands] = info as [
    ...[string, number, unknown, unknown, unknown, unknown, string[], unknown, unknown],
    unknown[][],
  ];
  if (subcommands.length > 0) return subcommands.flatMap(commandsOf);
  const words = name.split('|');
  return [{ words, name, least: Math.max(0, Math.abs(arity) - words.length), categories }];
}

function connect(username: string): Redis {
  const client = new Redis({
    host: server.host,
    port: server.port,
    username,
    password: 'secret',
    enableReadyCheck: false,
  });
  clients.push(client);
  return client;
}

/** Whether the rules, which stand in the docs, name the command; later ones win, and what stands in parentheses is for itself. */
function isGranted({ name, categories }: Command, rules: readonly string[]): boolean {
  let granted = false;
  for (const rule of rules) {
    if (rule.startsWith('(')) break;
    const about = rule.slice(1);
    const meant =
      rule[1] === '@' ? about === '@all' || categories.includes(about) : about === name || about === name.split('|')[0];
    if (meant && (rule[0] === '+' || rule[0] === '-')) granted = rule[0] === '+';
  }
  return granted;
}

async function refusalOf(client: Redis, words: readonly string[], args: readonly string[]): Promise<string> {
  const [first = '', ...rest] = [...words, ...args];
  try {
    return `answered ${JSON.stringify(await client.call(first, ...rest))}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe.each([...documented.keys()])('the documented user %s', (user) => {
  it('is refused every command that the docs do not grant, whatever it is tried on', async () => {
    const client = connect(user);
    const refused = commands.filter((command) => !isGranted(command, documented.get(user) ?? []));
    expect(refused.length).toBeGreaterThan(150);
    const passed: string[] = [];
    for (const { words, name, least } of refused) {
      for (const target of NAMES) {
        const answer = await refusalOf(
          client,
          words,
          Array.from({ length: least }, () => target),
        );
        if (!REFUSED.test(answer)) passed.push(`${name} ${target}: ${answer}`);
      }
    }
    expect(passed).toEqual([]);
  });
});

const publishers = [...documented.keys()].filter((user) => user !== 'fanfare-node');

describe.each(publishers)('the documented user %s, who is no node,', (user) => {
  it('is refused what it may do elsewhere on what is not its own', async () => {
    const client = connect(user);
    const withKeys = commands.filter(
      (command) => isGranted(command, documented.get(user) ?? []) && !command.categories.includes('@connection'),
    );
    const passed: string[] = [];
    for (const { words, name, least, categories } of withKeys) {
      if (['fcall', 'info', 'time', 'multi', 'exec', 'discard'].includes(name)) continue;
      const targets = categories.includes('@pubsub') ? [...NOT_OF_PUBLISHERS, 'fanfare:{!cluster}'] : NOT_OF_PUBLISHERS;
      for (const target of targets) {
        const answer = await refusalOf(
          client,
          words,
          Array.from({ length: Math.max(1, least) }, () => target),
        );
        if (!REFUSED.test(answer)) passed.push(`${name} ${target}: ${answer}`);
      }
    }
    expect(passed).toEqual([]);
  });

  it('can call no function of ours on what is not its own', async () => {
    const client = connect(user);
    const functions = (await server.admin.call('FUNCTION', 'LIST')) as [
      unknown,
      string,
      unknown,
      string,
      unknown,
      unknown,
    ][];
    const names = [...JSON.stringify(functions).matchAll(/"(fanfare_\w+)"/g)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(8);
    const keys = ['nodes', 'held', 'pace', 'reservations', 'state', 'lapses'].map((key) => `fanfare:{!cluster}:${key}`);
    const tries = names.flatMap((name) => [
      ...(name.includes('node') ? [[name, String(keys.length), ...keys, '0.5', 'r', '0', '-1']] : []),
      ...NOT_OF_PUBLISHERS.map((key) => [name, '1', key, '1', '1', '1', '-', 'skip']),
      [name, '2', 'fanfare:{!cluster}:log', 'fanfare:{!cluster}:tail', '1'],
    ]);
    for (const attempt of tries) await refusalOf(client, ['FCALL'], attempt);
    expect(await server.admin.hgetall(THEIRS.cluster)).toEqual({ n1: '{}' });
    expect(await server.admin.get(THEIRS.lease)).toBe('holder');
    expect(await server.admin.get(THEIRS.foreign)).toBe('theirs');
    expect(await server.admin.exists('fanfare:{!cluster}:log', 'fanfare:{!cluster}:tail')).toBe(0);
  });
});
