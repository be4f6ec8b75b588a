// Every line that docs and deploy/ give for production: SIGTERM to the process that it starts drains, ends it with 0 and leaves nothing, also as the first process of a container.

import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { signToken } from '../../src/auth/token-signer.js';
import { AUTH_SECRET, CLUSTER_SECRET, EVERYTHING } from '../support/cluster.js';
import { openWebSocket } from '../support/feed.js';
import { privateHost, type RedisServer, startRedis } from '../support/redis.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = `${ROOT}dist/src/cli/main.js`;
const read = (name: string) => readFileSync(ROOT + name, 'utf8');
const canMakeContainers = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;

interface Line {
  readonly where: string;
  /** As it is typed, or as what reads the file starts it; ours are here and not where it says. */
  readonly command: string;
  readonly role: string;
}

/** With what stands in the place of where it is installed. */
function line(where: string, typed: string): Line {
  const command = typed
    .replace(/ +#.*| *>.*/, '')
    .replace(/\S*(\/\.bin\/fanfare|\/dist\/src\/cli\/main\.js)/, MAIN)
    .replace(/^\S*node /, `${process.execPath} `);
  return { where, command, role: /main\.js (\w+)/.exec(command)?.[1] ?? '' };
}

function documentedLines(): readonly Line[] {
  const ofUnit = /^ExecStart=(.*)$/m.exec(read('deploy/fanfare@.service'))?.[1] ?? '';
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.*)$/m.exec(read('deploy/Dockerfile')) ?? [];
  const ofImage = (args: readonly string[]) => [...JSON.parse(entrypoint), ...args].join(' ');
  const { services } = parse(read('deploy/compose.yml'), { merge: true });
  const objects = parseAllDocuments(read('deploy/kubernetes.yaml')).map((document) => document.toJS());
  const containers = objects.flatMap((object) => object.spec?.template?.spec?.containers ?? []);
  const run = read('README.md').split('## You run it')[1] ?? '';
  return [
    ...['node', 'discovery'].map((role) => line('the systemd unit', ofUnit.replaceAll('${ROLE}', role))),
    ...['node1', 'discovery'].map((name) => line(`${name} of the composition`, ofImage(services[name].command))),
    ...containers.map(({ args }) => line('Kubernetes', ofImage(args))),
    ...[...run.matchAll(/^node_modules\/\.bin\/fanfare .*$/gm)].map(([typed]) => line('README', typed)),
    ...[...read('docs/PRODUCTION.md').matchAll(/^.*?(node \S+main\.js .*&)$/gm)].map(([, typed = '']) =>
      line('PRODUCTION', typed.replace(' &', '')),
    ),
  ];
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

it('are of every place that has one', () => {
  const places = documentedLines().map(({ where, role }) => `${where}: ${role}`);
  expect(places).toEqual([
    'the systemd unit: node',
    'the systemd unit: discovery',
    'node1 of the composition: node',
    'discovery of the composition: discovery',
    'Kubernetes: discovery',
    'Kubernetes: node',
    'README: discovery',
    'README: node',
    'README: node',
    'PRODUCTION: start',
  ]);
});

/** Processes that were started with this in their environment. */
function marked(mark: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'utf8').includes(mark);
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

function settings(role: string, mark: string): Readonly<Record<string, string>> {
  const { PATH = '' } = process.env;
  const host = privateHost();
  return {
    ...{ PATH, MARK: mark },
    ...{ FANFARE_HOST: host, FANFARE_AUTH_SECRET: AUTH_SECRET, FANFARE_ALLOW_USER_TOKENS: 'true' },
    ...(role !== 'start' && {
      FANFARE_REDIS_URL: redis.url,
      FANFARE_CLUSTER_SECRET: CLUSTER_SECRET,
      FANFARE_DRAIN_DELAY: '0s',
      FANFARE_NODE_ID: mark,
    }),
  };
}

/** Starts it, has a client read from it, and ends it by SIGTERM to the process that the line itself is. */
async function endOf({ command, role }: Line, container: boolean) {
  const mark = randomUUID();
  const env = settings(role, mark);
  const shell = ['sh', '-c', `exec ${command}`];
  const [program = '', ...args] = container
    ? ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', ...shell]
    : shell;
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = text(child.stderr);
  const ended = once(child, 'exit');
  try {
    const first = once(createInterface(child.stdout), 'line');
    const [ready] = await Promise.race([first, ended.then(async () => Promise.reject(new Error(await log)))]);
    const { pid, url } = JSON.parse(String(ready)) as { readonly pid: number; readonly url: string };
    expect(pid).toBe(container ? 1 : child.pid);
    const [, port = new URL(url).port || '8080'] = /--port (\d+)/.exec(command) ?? [];
    const grants = { secret: AUTH_SECRET, subject: 'u1', grants: EVERYTHING, lifetimeMs: 60_000 };
    const target = {
      url: `http://${env.FANFARE_HOST}:${port === '0' ? new URL(url).port : port}`,
      ticket: await signToken(grants),
    };
    const reads = role !== 'discovery' ? openWebSocket(target, { news: 'now' }) : undefined;
    expect((await reads?.events.nextOf('subscribed', 'closed'))?.type).toBe(reads && 'subscribed');
    process.kill(container ? Number(childOf(child.pid)) : (child.pid ?? 0), 'SIGTERM');
    // Alone it has nobody to send its clients to: they are told to come again.
    const told = await reads?.events.nextOf('move', 'closed');
    if (reads !== undefined) expect(told).toMatchObject(role === 'start' ? { code: 4000 } : { type: 'move' });
    reads?.close();
    return { ended: await ended, drained: (await log).includes('drain'), left: marked(mark) };
  } finally {
    child.kill('SIGKILL');
  }
}

const childOf = (pid = 0) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
const WELL = { ended: [0, null], drained: true, left: [] };

it.concurrent.each(documentedLines())(
  '$where: $role ends with 0 on SIGTERM, drained, and leaves nothing',
  async (one) => {
    expect(await endOf(one, false)).toEqual(WELL);
  },
);

(canMakeContainers ? it.concurrent : it.skip).each(documentedLines())(
  '$where: $role does so as the first process of a container',
  async (one) => {
    expect(await endOf(one, true)).toEqual(WELL);
  },
);
