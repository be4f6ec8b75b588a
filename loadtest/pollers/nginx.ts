// nginx as a cache in front of nodes, with the configuration of deploy/ and nothing put in but addresses, paths and where it logs.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { guard } from '../guard.js';
import { ROOT } from '../root.js';

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const READY_MS = 20_000;
const LOOK_EVERY_MS = 50;
/** A line for each request that a node was asked. */
const LOG = (file: string) =>
  `map $upstream_addr $asked { default 1; "" 0; } log_format asked '$upstream_addr'; access_log ${file} asked if=$asked;`;

export interface NginxSetup {
  /** The program. */
  readonly program: string;
  /** Where it listens. */
  readonly host: string;
  readonly port: number;
  /** In front of these, `http://host:port` each; of two at most. */
  readonly nodes: readonly string[];
}

export interface NginxProcess {
  readonly url: string;
  /** Of the master; its two workers are its children. */
  readonly pid: number;
  /** How many requests nodes were asked so far. */
  asked(): Promise<number>;
  /** Drops all that it keeps: what is read next comes from a node. */
  forget(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Resolves once it answers. Throws when the configuration is not as it was. */
export async function startNginx({ program, host, port, nodes }: NginxSetup): Promise<NginxProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-cache-'));
  const [cache, log, file] = [join(folder, 'cache'), join(folder, 'asked.log'), join(folder, 'nginx.conf')];
  await mkdir(cache);
  const [first = '', second] = nodes.map((url) => new URL(url).host);
  // Its workers write where root has made a folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  await writeFile(
    file,
    await configuration([
      ['worker_processes auto;', `${user} worker_processes 2; daemon off; pid ${folder}/pid; error_log stderr crit;`],
      ['http {\n', `http {\n  ${temporary}\n`],
      ['/var/cache/nginx/fanfare', cache],
      ['access_log off;', LOG(log)],
      ['server 127.0.0.1:8081;', `server ${first} max_fails=0;`],
      ['    server 127.0.0.1:8082;\n', second === undefined ? '' : `    server ${second} max_fails=0;\n`],
      ['listen 80 ', `listen ${host}:${port} `],
    ]),
  );
  const child = spawn(program, ['-p', folder, '-c', file, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'inherit'] });
  guard(child, folder);
  const ended = once(child, 'exit');
  const url = `http://${host}:${port}`;
  const close = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answering(url, child);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    pid: child.pid ?? 0,
    asked: async () => (await readFile(log, 'latin1')).split(/[\n,]/).filter((text) => text.trim() !== '').length,
    async forget() {
      const kept = await readdir(cache);
      await Promise.all(kept.map((name) => rm(join(cache, name), { recursive: true, force: true })));
    },
    close,
  };
}

type Put = readonly [from: string, to: string];

async function configuration(puts: readonly Put[]): Promise<string> {
  let text = await readFile(new URL('deploy/nginx-cache.conf', ROOT), 'utf8');
  for (const [from, to] of puts) {
    if (!text.includes(from)) throw new Error(`deploy/nginx-cache.conf has no ${from}`);
    text = text.replace(from, () => to);
  }
  return text;
}

/** It answers `404` outside of channels. */
async function answering(url: string, child: ChildProcess): Promise<void> {
  for (const untilMs = performance.now() + READY_MS; ; ) {
    const status = await fetch(url).then((response) => response.status, String);
    if (status === 404) return;
    if (child.exitCode !== null) throw new Error(`nginx ended with code ${child.exitCode}`);
    if (performance.now() > untilMs) throw new Error(`nginx does not answer: ${status}`);
    await pause(LOOK_EVERY_MS);
  }
}
