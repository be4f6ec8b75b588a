// What deploy/ ships: each file is checked by the program or schema that it is for, and runs against what Fanfare really has.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { validate as lintDockerfile } from 'dockerfile-utils';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { ADMIN_KEY, type Cluster, startCluster } from '../support/cluster.js';
import { documentedUsers } from '../support/documented-users.js';
import { findProgram } from '../support/programs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'deploy');
const text = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const promtool = findProgram('promtool');
const analyze = findProgram('systemd-analyze');

function run(program: string, args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: FOLDER,
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  });
  return { status, said: stdout + stderr };
}

/** The words of one instruction of the Dockerfile, its last one. */
function instruction(name: string): readonly string[] {
  const lines = text('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const line = lines.findLast((one) => one.trimStart().startsWith(`${name} `));
  return JSON.parse(line?.slice(line.indexOf('[')) ?? 'null');
}

describe('what Prometheus reads', () => {
  let cluster: Cluster;
  const pages = new Map<string, string>();
  beforeAll(async () => {
    cluster = await startCluster({ engines: ['uws', 'ws'] });
    const urls = {
      discovery: cluster.discovery.url,
      ...Object.fromEntries([...cluster.nodes].map(([id, { url }]) => [id, url])),
    };
    for (const [name, url] of Object.entries(urls)) {
      // A refusal has a counter of its own from the first one on.
      await fetch(`${url}/v1/poll`, { method: 'POST' });
      await fetch(`${url}/v1/connect`, { method: 'POST', headers: { Authorization: 'Bearer a.b.c' } });
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
      pages.set(name, await (await fetch(`${url}/metrics`, { headers })).text());
    }
  }, 60_000);
  afterAll(() => cluster?.close());

  const names = () =>
    new Set([...pages.values()].flatMap((page) => [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '')));

  it('says in words what each metric counts, and on each process what runs there', () => {
    for (const page of pages.values()) {
      expect(page).not.toMatch(/^# HELP fanfare_\S+ \S+ of the process\.$/m);
      expect(page).toMatch(/^fanfare_build_info\{.*version="\d+\.\d+\.\d+".*\} 1$/m);
    }
    expect(pages.get('n1')).toMatch(/^fanfare_build_info\{(?=.*engine="uws")(?=.*node="n1").*\} 1$/m);
  });

  it.skipIf(promtool === undefined)('keeps to the conventions that promtool checks', () => {
    for (const [name, page] of pages) {
      const { said } = run(promtool ?? '', ['check', 'metrics'], page);
      expect([name, said.split('\n').filter((line) => line.startsWith('fanfare_'))]).toEqual([name, []]);
    }
  });

  it.each(['alerts.yml', 'alerts.test.yml', 'grafana.json', '../docs/OPERATIONS.md'])(
    'names no metric in %s that nobody has',
    (file) => {
      const named = [...text(file).matchAll(/\bfanfare_[a-z_]*[a-z](?=[^a-z_*…(]|$)/gm)].map(([name]) => name);
      const used = named.map((name) => name.replace(/(?<=_seconds)_(bucket|sum|count)$/, ''));
      const functions = /^fanfare_(publish|publish_many|read|tail|append|limits?)$/;
      expect(used.filter((name) => !functions.test(name)).length).toBeGreaterThan(4);
      expect(used.filter((name) => !functions.test(name) && !names().has(name))).toEqual([]);
    },
  );

  it.skipIf(promtool === undefined)('has alerts that fire where they are due and are silent where not', () => {
    expect(run(promtool ?? '', ['check', 'config', '--syntax-only', 'prometheus.yml'])).toMatchObject({ status: 0 });
    expect(run(promtool ?? '', ['test', 'rules', 'alerts.test.yml'])).toMatchObject({ status: 0 });
    const rules = parse(text('alerts.yml')).groups[0].rules.map(({ alert }: { readonly alert: string }) => alert);
    // Each is named by both halves of the test.
    for (const alert of rules)
      expect([alert, text('alerts.test.yml').split(`alertname: ${alert}`).length]).toEqual([alert, 3]);
  });

  it('has a dashboard that is what its script writes', () => {
    const before = text('grafana.json');
    expect(run(process.execPath, [join(ROOT, 'scripts/grafana.mjs')]).status).toBe(0);
    expect(text('grafana.json')).toBe(before);
  });
});

describe('the image', () => {
  it('is described without a fault', () => {
    expect(lintDockerfile(text('Dockerfile'))).toEqual([]);
  });

  it('has of the engine what loads it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-engine-'));
    try {
      const [, lines = ''] = /^RUN mkdir \/engine &&([\s\S]*?[^\\])\n/m.exec(text('Dockerfile')) ?? [];
      const { status, stderr } = spawnSync('sh', ['-c', lines.replaceAll('/engine', folder)], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
      expect(createRequire(import.meta.url)(folder)).toHaveProperty('App');
      expect(readdirSync(folder).filter((name) => name.endsWith('.node'))).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.skipIf(process.getuid?.() !== 0)(
    'drains as the first process of its container, and is healthy until then',
    async () => {
      const [command = '', ...args] = instruction('ENTRYPOINT').map((word) => word.replace('/app/', ROOT));
      const options = ['--pid', '--fork', '--kill-child', '--mount-proc', command, ...args, 'start', '--port', '0'];
      const { PATH = '' } = process.env;
      const container = spawn('unshare', options, { env: { PATH }, stdio: ['ignore', 'pipe', 'ignore'] });
      const ended = once(container, 'exit');
      const [line] = await once(createInterface(container.stdout), 'line');
      const { url, pid } = JSON.parse(String(line)) as { readonly url: string; readonly pid: number };
      expect(pid).toBe(1);
      const [program = '', ...check] = instruction('CMD').includes('-e') ? instruction('CMD') : healthCheck();
      const healthy = () => spawnSync(program, check, { env: { PATH, FANFARE_PORT: new URL(url).port } }).status;
      expect(healthy()).toBe(0);
      const [child] = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8').trim().split(' ');
      process.kill(Number(child), 'SIGTERM');
      expect(await ended).toEqual([0, null]);
      expect(healthy()).toBe(1);
    },
  );

  function healthCheck(): readonly string[] {
    const line =
      text('Dockerfile')
        .split('\n')
        .find((one) => one.startsWith('  CMD ')) ?? '';
    return JSON.parse(line.slice(line.indexOf('[')));
  }
});

describe('other files', () => {
  it.skipIf(analyze === undefined)('has a unit that systemd takes, and that waits for a drain', () => {
    expect(run(analyze ?? '', ['verify', './fanfare@.service'])).toMatchObject({ status: 0, said: '' });
    expect(text('fanfare@.service')).toMatch(/^TimeoutStopSec=35$/m);
  });

  it('has manifests that Kubernetes takes, with nothing named that is not there', async () => {
    const objects = parseAllDocuments(text('kubernetes.yaml')).map((document) => document.toJS());
    for (const object of objects) {
      const kinds = await import(`kubernetes-models/${object.apiVersion}`);
      expect(() => new kinds[object.kind](object).validate()).not.toThrow();
    }
    const services = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
    const paths = objects.flatMap(({ kind, spec }) => (kind === 'Ingress' ? spec.rules[0].http.paths : []));
    expect(paths.length).toBeGreaterThan(3);
    expect(paths.map(({ backend }) => backend.service.name).filter((name) => !services.includes(name))).toEqual([]);
    const nodes = objects.find(({ kind }) => kind === 'StatefulSet').spec.replicas;
    expect(services.filter((name: string) => /^fanfare-node-\d+$/.test(name))).toHaveLength(nodes);
  });

  it('has a composition whose settings, files and names are there', () => {
    const { services } = parse(text('compose.yml'), { merge: true });
    expect(Object.keys(services)).toEqual(['redis', 'discovery', 'node1', 'node2', 'nginx']);
    for (const [name, role] of [
      ['discovery', 'discovery'],
      ['node1', 'node'],
    ] as const) {
      const env = Object.fromEntries(
        Object.entries<string>(services[name].environment).map(([key, value]) => [
          key,
          value.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, variable: string) => SETTINGS[variable] ?? `no ${variable}`),
        ]),
      );
      const check = spawnSync(
        process.execPath,
        [join(ROOT, 'dist/src/cli/main.js'), 'config', 'check', '--role', role],
        {
          env: { FANFARE_HOST: '0.0.0.0', ...env },
          encoding: 'utf8',
        },
      );
      expect([name, check.stderr, check.status]).toEqual([name, '', 0]);
    }
    // What it changes in the configuration of nginx is there to be changed, and nothing of it stays.
    const edits = [...services.nginx.command[2].matchAll(/-e ['"]s\/(.*?)\/(.*?)\/['"]/g)];
    let conf = text('nginx.conf');
    for (const [, from = '', to = ''] of edits) {
      expect(conf).toMatch(new RegExp(from));
      conf = conf
        .split('\n')
        .map((line) => line.replace(new RegExp(from), to))
        .join('\n');
    }
    const statements = conf.split('\n').filter((line) => !line.trimStart().startsWith('#'));
    expect(statements.filter((line) => /127\.0\.0\.1|push\.example\.com/.test(line))).toEqual([]);
    for (const name of services.redis.volumes.concat(services.nginx.volumes)) {
      const [file = ''] = name.split(':');
      if (file.startsWith('./') && !file.startsWith('./tls/'))
        expect([file, existsSync(join(FOLDER, file))]).toEqual([file, true]);
    }
  });

  it('has an ACL file of the documented users, that Redis takes at each start', async () => {
    const users = text('users.acl').matchAll(/^user (\S+) (.*)$/gm);
    const listed = new Map(
      [...users].map(([, name = '', rules = '']) => [name, rules.replace('change-me', 'secret').split(' ')]),
    );
    // Nobody can be that user, but what Redis loads at a start is carried out in its name.
    expect(listed.get('default')).toEqual(['off', 'resetpass', '~*', '&*', '+@all']);
    listed.delete('default');
    expect(listed).toEqual(new Map(documentedUsers()));
  });

  it('has an ACL file with which Redis keeps at a restart what was written in one step', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-acl-'));
    const path = join(folder, 'redis.sock');
    const files = ['--dir', folder, '--appendonly', 'yes', '--aclfile', join(FOLDER, 'users.acl')];
    const args = ['--port', '0', '--unixsocket', path, ...files];
    const start = () => spawn('redis-server', args, { stdio: 'ignore' });
    // It tries until the socket is there.
    const as = (username: string) =>
      new Redis({ path, username, password: 'change-me' }).on('error', () => {
        // Each command says so by itself.
      });
    let server = start();
    const [node, publisher] = [as('fanfare-node'), as('publisher')];
    try {
      await expect(node.keys('*')).rejects.toThrow('NOPERM');
      const stored = publisher.multi();
      for (const data of ['1', '2']) stored.xadd('fanfare:ingest', '*', 'channel', 'news', 'data', data);
      await stored.exec();
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      await ended;
      server = start();
      expect(await node.xrange('fanfare:ingest', '-', '+')).toHaveLength(2);
    } finally {
      node.disconnect();
      publisher.disconnect();
      server.kill('SIGKILL');
      await once(server, 'exit');
      rmSync(folder, { recursive: true });
    }
  });

  it('has an example of an environment that `config check` takes', () => {
    const env = Object.fromEntries(
      [...text('fanfare.env.example').matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
    );
    const { ROLE = '', ...settings } = env;
    const check = spawnSync(process.execPath, [join(ROOT, 'dist/src/cli/main.js'), 'config', 'check', '--role', ROLE], {
      env: settings,
      encoding: 'utf8',
    });
    expect([check.stderr, check.status]).toEqual(['', 0]);
  });
});

const SETTINGS: Readonly<Record<string, string>> = {
  REDIS_PASSWORD: 'a-password',
  FANFARE_CLUSTER_SECRET: 'a'.repeat(32),
  FANFARE_AUTH_SECRET: 'b'.repeat(32),
  FANFARE_ADMIN_KEY: 'c'.repeat(32),
  FANFARE_ORIGINS: 'https://app.example.com',
  PUSH_HOST: 'push.example.org',
};
