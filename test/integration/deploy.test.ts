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
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { documentedUsers } from '../support/documented-users.js';
import { findProgram } from '../support/programs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = join(ROOT, 'deploy');
const text = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const analyze = findProgram('systemd-analyze');

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: FOLDER, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

/** The words of one instruction of the Dockerfile, its last one. */
function instruction(name: string): readonly string[] {
  const lines = text('Dockerfile').replaceAll('\\\n', ' ').split('\n');
  const line = lines.findLast((one) => one.trimStart().startsWith(`${name} `));
  return JSON.parse(line?.slice(line.indexOf('[')) ?? 'null');
}

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

  it('has a unit that leaves a server as it is which says what is wrong with its configuration, all at once', () => {
    const lines = text('fanfare@.service').match(/^(Exec|RestartPrevent)\w+=.*$/gm) ?? [];
    const [exec = '', ...others] = lines.map((line) => line.replaceAll('${ROLE}', 'node'));
    // Of any other command than this one systemd does not ask by what it ended.
    expect(others).toEqual(['RestartPreventExitStatus=73 78']);
    const wrong = { FANFARE_PORT: 'none', FANFARE_DRAIN_TIMEOUT: 'long', FANFARE_PINGS: '1' };
    const started = exec
      .replace(/^ExecStart=\S+ /, '')
      .replace('/opt/fanfare/', ROOT)
      .split(' ');
    const { status, stderr } = spawnSync(process.execPath, started, { env: wrong, encoding: 'utf8' });
    expect(status).toBe(78);
    for (const name of [...Object.keys(wrong), 'FANFARE_CLUSTER_SECRET']) expect(stderr).toContain(name);
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
    const ofNodes = paths.map(({ path }) => path).filter((path: string) => path.startsWith('/n/'));
    for (const path of ofNodes) {
      const node = path.slice(0, path.indexOf('('));
      for (const served of ['livez', 'v1/ws', 'v1/publish', 'v1/channels/a%2Fb'])
        expect(new RegExp(`^${path}$`).exec(node + served)?.[1]).toBe(served);
      for (const denied of ['metrics', 'readyz', 'v1/nodes'])
        expect(node + denied).not.toMatch(new RegExp(`^${path}$`));
    }
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
    const addresses = ['discovery', 'node1', 'node2'].map((name) => services[name].networks.fanfare.ipv4_address);
    expect([...conf.matchAll(/^ *server (\d\S+):8080;$/gm)].map(([, address]) => address)).toEqual(addresses);
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
    expect(check.stdout).not.toContain('no page is let in');
  });
});

const SETTINGS: Readonly<Record<string, string>> = {
  REDIS_PASSWORD: 'a-password',
  FANFARE_CLUSTER_SECRET: 'a'.repeat(32),
  FANFARE_AUTH_SECRET: 'b'.repeat(32),
  FANFARE_ADMIN_KEY: 'c'.repeat(32),
  FANFARE_PUBLISH_KEY: 'd'.repeat(32),
  FANFARE_ORIGINS: 'https://app.example.com',
  PUSH_HOST: 'push.example.org',
};
