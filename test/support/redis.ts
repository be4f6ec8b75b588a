// Starts real Redis servers for tests, each on an address and a port of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Certificates, tlsArguments } from './certificates.js';
import { watched } from './watched.js';

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Where it keeps what it persists. */
  readonly directory: string;
  /** A plain client, for looking at and breaking things; closed by `stop`. */
  readonly admin: Redis;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** `kill -9`; `restart` brings it back. */
  kill(): Promise<void>;
  /** `kill -9`, then the same address again, empty unless it persists. */
  restart(): Promise<void>;
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  /** More arguments, such as `--maxmemory 10mb`. */
  readonly args?: readonly string[];
  readonly host?: string;
  readonly password?: string;
  /** It speaks TLS alone, and asks clients for a certificate, or does not. */
  readonly tls?: { readonly certificates: Certificates; readonly clients: 'yes' | 'no' };
  /** A member of a Cluster, which listens for the others on one more port. */
  readonly isMember?: boolean;
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How often a server is given other ports, where somebody has taken one meanwhile. */
const ATTEMPTS = 3;

/** Calls `start`, which finds ports in a folder of its own, until none of them was taken before it used it. Rejects with what it says. */
export async function inFolder<T>(
  name: string,
  start: (directory: string) => Promise<T>,
  attempts = ATTEMPTS,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), `fanfare-${name}-`));
  try {
    return await start(directory);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    if (attempts <= 1 || !String(error).includes('Address already in use')) throw error;
    return inFolder(name, start, attempts - 1);
  }
}

/** Starts a server that keeps nothing on disk; resolves when it answers. */
export function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  return inFolder('redis', (directory) => startIn(directory, options));
}

async function startIn(directory: string, options: RedisServerOptions): Promise<RedisServer> {
  const host = options.host ?? privateHost();
  const [port = 0, busPort = 0] = await freePorts(host, 2);
  const args = ['--bind', host, '--port', String(port), '--replica-announce-ip', host];
  args.push('--dir', directory, '--save', '', '--appendonly', 'no');
  // The bus port is the port + 10,000 unless it is given, which is none for a high port.
  if (options.isMember === true) args.push('--cluster-enabled', 'yes', '--cluster-port', String(busPort));
  if (options.password !== undefined) args.push('--requirepass', options.password);
  const { tls } = options;
  if (tls !== undefined) args.push(...tlsArguments(tls.certificates, port, tls.clients));
  args.push(...(options.args ?? []));
  const password = options.password;
  const secured = tls !== undefined && { tls: adminTls(tls.certificates, host) };
  // Which asks by INFO.
  const enableReadyCheck = options.args?.includes('INFO') !== true;
  const admin = new Redis({
    host,
    port,
    lazyConnect: true,
    enableReadyCheck,
    ...(password !== undefined && { password }),
    ...secured,
  });
  admin.on('error', () => {});
  const start = () => launch(args, undefined, options.env);
  let running = await start();
  let stopped = false;
  await admin.connect().catch(async (error: unknown) => {
    await running.end();
    throw error;
  });

  return {
    host,
    port,
    url: `${tls === undefined ? 'redis' : 'rediss'}://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}${host}:${port}`,
    get pid() {
      return running.pid;
    },
    directory,
    admin,
    pause: () => void process.kill(running.pid, 'SIGSTOP'),
    resume: () => void process.kill(running.pid, 'SIGCONT'),
    kill: () => running.end(),
    async restart() {
      await running.end();
      running = await start();
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      admin.disconnect();
      await running.end();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The one address that has a name is asked for by it, since the certificate may have no other. */
function adminTls({ ca, client, text }: Certificates, host: string) {
  const named = host === '127.0.0.1' && { servername: 'localhost' };
  return { ca: text(ca), cert: text(client.certificate), key: text(client.key), ...named };
}

const HOSTS = 250;
/** Drawn once: each next is another one, so that two of a process may have the same port. */
let lastHost = Math.floor(Math.random() * HOSTS);

/** A loopback address that no other test process uses, and this one did not for the last 249 calls: ports of fixed addresses collide now and then. */
export function privateHost(): string {
  lastHost = (lastHost + 1) % HOSTS;
  return `127.${1 + (process.pid % 250)}.${(process.pid >> 8) % 250}.${1 + lastHost}`;
}

/** A port that nothing listened on a moment ago. */
export async function freePort(host: string): Promise<number> {
  const [port = 0] = await freePorts(host, 1);
  return port;
}

/** Several, no two of which are the same. */
export async function freePorts(host: string, count: number): Promise<readonly number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, host));
  await Promise.all(probes.map((probe) => once(probe, 'listening')));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => once(probe.close(), 'close')));
  return ports;
}

interface Running {
  readonly pid: number;
  /** Resolves when the server is gone. */
  end(): Promise<void>;
}

/** Starts the server of FANFARE_TEST_REDIS, else `redis-server`, with `args`; resolves once its log has `readyText`. */
export async function launch(
  args: readonly string[],
  readyText = 'Ready to accept connections',
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const all = { FANFARE_TEST_REDIS: 'redis-server', ...process.env, ...env };
  const shell = spawn('sh', watched(all.FANFARE_TEST_REDIS, args), { stdio: [...stdio], env: all });
  const gone = once(shell, 'exit');
  let log = '';
  for await (const chunk of shell.stdout.iterator({ destroyOnReturn: false })) {
    log += String(chunk);
    const pid = Number(/pid=(\d+), just started/.exec(log)?.[1]);
    if (!log.includes(readyText) || !(pid > 0)) continue;
    shell.stdout.resume();
    return {
      pid,
      async end() {
        shell.stdin.end();
        await gone;
      },
    };
  }
  shell.stdin.end();
  throw new Error(`redis-server did not start: ${log}`);
}
