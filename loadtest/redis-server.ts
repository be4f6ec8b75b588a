// A private redis-server without persistence, for the length of a run.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';

export interface RedisServer {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const ATTEMPTS = 5;

/** Why it cannot be started here; `undefined`: it can. */
export function missingRedis(): string | undefined {
  return spawnSync('redis-server', ['--version']).error === undefined
    ? undefined
    : 'redis-server is not installed (Debian: redis-server)';
}

/** Starts `redis-server` on a free port. Throws when it is not installed or ends at once. */
export async function startRedisServer(furtherArgs: readonly string[] = []): Promise<RedisServer> {
  let failure: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    try {
      return await startOn(await freePort(HOST), furtherArgs);
    } catch (error) {
      failure = error; // another process may have taken the port in between
    }
  }
  throw new Error('redis-server did not start', { cause: failure });
}

async function startOn(port: number, furtherArgs: readonly string[]): Promise<RedisServer> {
  const args = ['--port', String(port), '--bind', HOST, '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
  // A member of a cluster writes there what it knows of the others.
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-redis-'));
  const child = spawn('redis-server', [...args, ...furtherArgs, '--dir', folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve())).then(remove);
  // Whoever ends before closing takes it along.
  const reap = (): void => {
    child.kill('SIGKILL');
    remove();
  };
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with code ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('Ready to accept connections')) resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    host: HOST,
    port,
    url: `redis://${HOST}:${port}`,
    close: () => {
      child.kill('SIGKILL'); // nothing in it is kept
      return ended;
    },
  };
}
