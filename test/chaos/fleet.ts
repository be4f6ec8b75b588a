// The servers of a chaos run: one discovery, and push nodes behind links that can be broken.

import { readdir, readFile } from 'node:fs/promises';
import { signToken } from '../../src/auth/token-signer.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { freePort, privateHost } from '../support/redis.js';
import { createFakeClock, type FakeClock } from './fake-clock.js';
import { type FaultProxy, startFaultProxy } from './fault-proxy.js';

const AUTH_SECRET = 'user-tokens-of-the-chaos-0123456789abcdef';
const CLUSTER_SECRET = 'tickets-of-the-chaos-0123456789abcdef';
const ADMIN_KEY = 'admin-key-of-the-chaos-0123456789abcdef';
const PUBLISH_KEY = 'publish-key-of-the-chaos-0123456789abcdef';

export interface FleetPlan {
  readonly directory: string;
  readonly redisUrl: string;
  /** What else processes are told of Redis. */
  readonly redisEnv: Readonly<Record<string, string>>;
  /** Where Redis is when it is one server: then each node gets a link of its own to it. */
  readonly redisAddress: { readonly host: string; readonly port: number } | undefined;
  readonly namespaces: Readonly<Record<string, object>>;
  readonly nodes: number;
}

/** What a process holds. */
export interface Holding {
  readonly rssMiB: number;
  readonly descriptors: number;
}

/** How much more all nodes together hold: connections move between them. */
export function heldMore(before: readonly Holding[], after: readonly Holding[], of: keyof Holding): number {
  const sum = (holdings: readonly Holding[]) => holdings.reduce((total, holding) => total + holding[of], 0);
  return sum(after) - sum(before);
}

interface MemberParts {
  readonly clientLink: FaultProxy;
  readonly redisLink: FaultProxy | undefined;
  readonly clock: FakeClock;
}

export class Member {
  readonly id: string;
  readonly clientLink: FaultProxy;
  readonly redisLink: FaultProxy | undefined;
  readonly clock: FakeClock;
  readonly #env: Readonly<Record<string, string>>;
  /** Where it listens itself: what is asked here meets no broken link, and counts as none. */
  readonly #behindLink: string;
  #process: ServerProcess | undefined;
  /** The last lines that processes which have ended wrote. */
  #pastLog = '';

  constructor(id: string, env: Readonly<Record<string, string>>, parts: MemberParts) {
    this.id = id;
    this.#env = env;
    this.#behindLink = `http://${env.FANFARE_HOST}:${env.FANFARE_PORT}`;
    this.clientLink = parts.clientLink;
    this.redisLink = parts.redisLink;
    this.clock = parts.clock;
  }

  get url(): string {
    return `http://${this.clientLink.host}:${this.clientLink.port}`;
  }

  get #running(): ServerProcess {
    if (this.#process === undefined) throw new Error(`${this.id} does not run`);
    return this.#process;
  }

  async start(): Promise<void> {
    this.#process = await startFanfare(['node'], { env: this.#env });
  }

  signal(signal: NodeJS.Signals): void {
    this.#running.kill(signal);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#running.kill('SIGKILL');
    await this.#gone();
  }

  /** SIGTERM: it drains, after a short delay. Answers its exit code. */
  async drain(): Promise<number | string> {
    this.#running.kill('SIGTERM');
    return this.#gone();
  }

  async #gone(): Promise<number | string> {
    const { code, stderr } = await this.#running.finished;
    this.#pastLog = stderr.slice(-4_000);
    this.#process = undefined;
    return code;
  }

  /** What `/readyz` says: the status and the body. */
  async ready(): Promise<{ readonly status: number; readonly body: string }> {
    const response = await fetch(`${this.#behindLink}/readyz`, { signal: AbortSignal.timeout(2_000) });
    return { status: response.status, body: await response.text() };
  }

  /** How many clients it serves: as it counts them, who polled lately is one, and no more than there are links. */
  async connections(): Promise<number> {
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
    const response = await fetch(`${this.#behindLink}/metrics`, { headers, signal: AbortSignal.timeout(2_000) });
    const [, count] = /^fanfare_connections\{[^}]*\} (\d+)$/m.exec(await response.text()) ?? [];
    if (count === undefined) throw new Error(`${this.id} does not say how many clients it serves: ${response.status}`);
    return Math.min(Number(count), this.clientLink.links);
  }

  async holding(): Promise<Holding> {
    const process = `/proc/${this.#running.pid}`;
    const rss = /VmRSS:\s+(\d+) kB/.exec(await readFile(`${process}/status`, 'utf8'))?.[1];
    const descriptors = (await readdir(`${process}/fd`)).length;
    return { rssMiB: Math.round(Number(rss) / 1024), descriptors };
  }

  log(): string {
    return this.#pastLog + (this.#process?.log() ?? '');
  }

  async close(): Promise<void> {
    if (this.#process !== undefined) {
      this.signal('SIGCONT');
      await this.kill();
    }
    await this.clientLink.close();
    await this.redisLink?.close();
  }
}

export class Fleet {
  readonly members: readonly Member[];
  readonly discovery: ServerProcess;
  readonly secret = AUTH_SECRET;
  readonly publishKey = PUBLISH_KEY;

  private constructor(members: readonly Member[], discovery: ServerProcess) {
    this.members = members;
    this.discovery = discovery;
  }

  static async start(plan: FleetPlan): Promise<Fleet> {
    const shared = {
      FANFARE_REDIS_URL: plan.redisUrl,
      ...plan.redisEnv,
      FANFARE_AUTH_SECRET: AUTH_SECRET,
      FANFARE_CLUSTER_SECRET: CLUSTER_SECRET,
      FANFARE_ADMIN_KEY: ADMIN_KEY,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
      FANFARE_NAMESPACES: JSON.stringify(plan.namespaces),
      FANFARE_LOG_LEVEL: 'warn',
    };
    const [discovery, ...members] = await Promise.all([
      startFanfare(['discovery'], { env: { ...shared, FANFARE_HOST: '127.0.0.1', FANFARE_PORT: '0' } }),
      ...Array.from({ length: plan.nodes }, (_, n) =>
        startMember(`n${n + 1}`, n % 2 === 0 ? 'uws' : 'ws', plan, shared),
      ),
    ]);
    return new Fleet(members, discovery);
  }

  /** A fresh ticket, good on every node. */
  async ticket(): Promise<{ readonly ticket: string; readonly expiresInMs: number }> {
    const grants = { subscribe: ['chaos:*'] };
    const token = await signToken({ secret: AUTH_SECRET, subject: 'probe', grants, lifetimeMs: 3_600_000 });
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(`${this.discovery.url}/v1/ticket`, { method: 'POST', headers });
    if (response.status !== 200) throw new Error(`discovery answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as { ticket: string; expiresInMs: number };
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
    await this.discovery.stop();
  }
}

async function startMember(
  id: string,
  engine: 'uws' | 'ws',
  plan: FleetPlan,
  shared: Readonly<Record<string, string>>,
): Promise<Member> {
  const host = privateHost();
  const port = await freePort(host);
  const clientLink = await startFaultProxy(privateHost(), { host, port });
  const redisLink = plan.redisAddress && (await startFaultProxy(privateHost(), plan.redisAddress));
  const clock = await createFakeClock(plan.directory, id);
  const env = {
    ...shared,
    ...clock.env,
    FANFARE_HOST: host,
    FANFARE_PORT: String(port),
    FANFARE_NODE_ID: id,
    FANFARE_NODE_URL: `http://${clientLink.host}:${clientLink.port}`,
    FANFARE_ENGINE: engine,
    FANFARE_DRAIN_DELAY: '500ms',
    ...(redisLink && { FANFARE_REDIS_URL: `redis://${redisLink.host}:${redisLink.port}` }),
  };
  const member = new Member(id, env, { clientLink, redisLink, clock });
  await member.start();
  return member;
}
