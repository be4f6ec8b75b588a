// Starts the server under test, or the bare one, as a child process and waits for its ready line.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pinned } from './affinity.js';
import { built, ROOT } from './root.js';

/** What a server is. */
export type Kind = 'bare' | 'uws' | 'ws';

export interface ServerProcess {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** Kills it and resolves when it has ended. Idempotent. */
  close(): Promise<void>;
}

/** What a server is told in secret. All are needed by some version of it, and no two are the same. */
export interface Secrets {
  readonly authSecret: string;
  readonly clusterSecret: string;
  readonly publishKey: string;
}

export function makeSecrets(): Secrets {
  const make = (): string => randomBytes(32).toString('hex');
  return { authSecret: make(), clusterSecret: make(), publishKey: make() };
}

export interface FanfareOptions extends Secrets {
  readonly engine: 'auto' | 'uws' | 'ws';
  /** Without it the server uses the memory broker. */
  readonly redisUrl?: string;
  /** Further flags of node. */
  readonly nodeFlags?: readonly string[];
  /** Further options, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** The folder whose build is run; absent: this one's. */
  readonly root?: URL;
}

/** Flags with which a server collects garbage on SIGUSR2. */
export const COLLECTING: readonly string[] = ['--import', built('collect-garbage.js').href];

/**
 * And with which its resident memory is what it uses: V8 keeps room for up to 48 MiB of new objects, which comes and goes with how busy
 * a server was (measured: slopes of less than nothing), and here it may keep 3.
 */
export const LEAN: readonly string[] = [...COLLECTING, '--max-semi-space-size=1'];

/** Chosen: several servers that start side by side, profiled, beside whatever else the machine does. */
const READY_TIMEOUT_MS = 60_000;

/** Starts `fanfare start` with one node on a free port. */
export function startFanfare(options: FanfareOptions): Promise<ServerProcess> {
  const main = fileURLToPath(new URL('dist/src/cli/main.js', options.root ?? ROOT));
  const env: Record<string, string> = {
    FANFARE_HOST: '127.0.0.1',
    FANFARE_PORT: '0',
    FANFARE_ENGINE: options.engine,
    FANFARE_AUTH_SECRET: options.authSecret,
    FANFARE_CLUSTER_SECRET: options.clusterSecret,
    FANFARE_PUBLISH_KEY: options.publishKey,
    FANFARE_LOG_LEVEL: 'warn',
    ...options.env,
  };
  if (options.redisUrl !== undefined) env.FANFARE_REDIS_URL = options.redisUrl;
  return startServer([...(options.nodeFlags ?? []), main, 'start'], env);
}

/** Starts `fanfare node` or `fanfare discovery`, one of several. */
export function startRole(role: 'node' | 'discovery', env: Record<string, string>): Promise<ServerProcess> {
  return startServer([fileURLToPath(new URL('dist/src/cli/main.js', ROOT)), role], env);
}

/** What the bare loop does besides forwarding, where that is what is measured. */
export type BareExtra = 'heartbeats' | 'joins' | 'exchanges';

/** Starts the bare loop of `bare/server.ts`. */
export function startBare(
  redisUrl: string,
  nodeFlags: readonly string[] = [],
  does?: BareExtra,
): Promise<ServerProcess> {
  const env = { BARE_REDIS_URL: redisUrl, ...(does !== undefined && { BARE_DOES: does }) };
  return startBuilt('bare/server.js', env, nodeFlags);
}

/** Starts a built file of the lab that prints a ready line, as a server of Fanfare does. */
export function startBuilt(
  file: string,
  env: Record<string, string>,
  nodeFlags: readonly string[] = [],
): Promise<ServerProcess> {
  return startServer([...nodeFlags, fileURLToPath(built(file))], env);
}

/** Each server and each Redis is taken along by whoever ends first: more than the ten listeners that Node takes for a leak. */
process.setMaxListeners(64);

async function startServer(args: readonly string[], env: Record<string, string>): Promise<ServerProcess> {
  const [command = process.execPath, ...rest] = [...pinned(), process.execPath, ...args];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // Whoever ends before closing takes it along.
  const reap = (): void => void child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.off('exit', reap));
  const close = (): Promise<void> => {
    // Each cuts a stage of the drain short, in whichever order they come.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) child.kill(signal);
    return ended;
  };
  try {
    const url = new URL(await readyUrl(child));
    return { pid: child.pid ?? 0, host: url.hostname, port: Number(url.port), close };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const { stdout } = child;
    if (stdout === null) throw new TypeError('the server needs a piped standard output');
    const timer = setTimeout(() => reject(new Error('the server printed no ready line in time')), READY_TIMEOUT_MS);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with code ${code} before it was ready`));
    });
    createInterface({ input: stdout }).on('line', (line) => {
      if (!line.startsWith('{"ready":true')) return;
      clearTimeout(timer);
      resolve(String((JSON.parse(line) as { url: unknown }).url));
    });
  });
}
