// Debian's Varnish as a cache in front of a node, with the configuration of deploy/ and nothing put in but addresses.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from '../../loadtest/guard.js';
import { eventually } from './eventually.js';
import { findProgram } from './programs.js';
import { freePort, privateHost } from './redis.js';

const CONFIGURATION = new URL('../../deploy/varnish.vcl', import.meta.url);
const varnish = findProgram('varnishd');

/** Why tests of it are to be skipped, for their title. */
export const varnishSkipReason: string | undefined = varnish === undefined ? 'varnishd is not installed' : undefined;

export interface VarnishCache {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** In front of these nodes, `http://host:port` each. */
export async function startVarnishCache(first: string, second = first): Promise<VarnishCache> {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-varnish-'));
  // Its workers are another user's.
  await chmod(folder, 0o755);
  const host = privateHost();
  const port = await freePort(host);
  let text = await readFile(CONFIGURATION, 'utf8');
  for (const [from, node] of [
    ['8081', first],
    ['8082', second],
  ] as const) {
    const { hostname, port: behind } = new URL(node);
    const put = `.host = "127.0.0.1";\n  .port = "${from}";`;
    if (!text.includes(put)) throw new Error(`deploy/varnish.vcl has no ${put}`);
    text = text.replace(put, `.host = "${hostname}";\n  .port = "${behind}";`);
  }
  const file = join(folder, 'cache.vcl');
  await writeFile(file, text);
  const places = ['-a', `${host}:${port}`, '-f', file, '-n', join(folder, 'work'), '-s', 'default,64m'];
  const child = spawn(varnish ?? 'varnishd', ['-F', ...places, '-p', 'backend_idle_timeout=8'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  guard(child, folder);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-10_000);
  });
  const ended = once(child, 'exit');
  const url = `http://${host}:${port}`;
  const close = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(log);
      return (await fetch(url)).status === 404 || log;
    }, 30_000);
  } catch (error) {
    await close();
    throw error;
  }
  return { url, pid: child.pid ?? 0, close };
}
