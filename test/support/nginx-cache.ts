// Debian's nginx as a cache in front of a node, with the configuration of deploy/ and nothing put in but addresses and paths.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { findProgram } from './programs.js';
import { freePort, privateHost } from './redis.js';

const CONFIGURATION = new URL('../../deploy/nginx-cache.conf', import.meta.url);
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const nginx = findProgram('nginx');

/** Why tests of it are to be skipped, for their title. */
export const cacheSkipReason: string | undefined = nginx === undefined ? 'nginx is not installed' : undefined;

export interface NginxCache {
  readonly url: string;
  close(): Promise<void>;
}

/** In front of these nodes, `http://host:port` each; of two at most. */
export async function startNginxCache(...nodes: readonly string[]): Promise<NginxCache> {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-cache-'));
  const host = privateHost();
  const port = await freePort(host);
  await mkdir(join(folder, 'cache'));
  const [first = '', second] = nodes.map((url) => new URL(url).host);
  // Its workers write where root has made a folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  const puts: readonly (readonly [from: string, to: string])[] = [
    ['worker_processes auto;', `${user} worker_processes 2; daemon off; pid ${folder}/pid; error_log stderr crit;`],
    ['http {\n', `http {\n  ${temporary}\n`],
    ['/var/cache/nginx/fanfare', `${folder}/cache`],
    ['server 127.0.0.1:8081;', `server ${first} max_fails=0;`],
    ['    server 127.0.0.1:8082;\n', second === undefined ? '' : `    server ${second} max_fails=0;\n`],
    ['listen 80 ', `listen ${host}:${port} `],
  ];
  let text = await readFile(CONFIGURATION, 'utf8');
  for (const [from, to] of puts) {
    if (!text.includes(from)) throw new Error(`deploy/nginx-cache.conf has no ${from}`);
    text = text.replace(from, to);
  }
  const file = join(folder, 'nginx.conf');
  await writeFile(file, text);
  const child = spawn(nginx ?? 'nginx', ['-p', folder, '-c', file, '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const url = `http://${host}:${port}`;
  await eventually(async () => (await fetch(url)).status === 404 || 'another answer', 20_000);
  return {
    url,
    async close() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
