// A whole cluster in processes of their own: Redis, discovery, push nodes.

import { signToken } from '../../src/auth/token-signer.js';
import { eventually } from './eventually.js';
import { type ServerProcess, startFanfare } from './process.js';
import { type RedisServer, type RedisServerOptions, startRedis } from './redis.js';

export const ADMIN_KEY = 'admin-key-of-the-tests-0123456789abcdef';
export const PUBLISH_KEY = 'publish-key-of-the-tests-0123456789abcdef';
export const AUTH_SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
export const CLUSTER_SECRET = 'tickets-of-the-tests-0123456789abcdef';

export interface Cluster {
  readonly redis: RedisServer;
  readonly discovery: ServerProcess;
  /** By id. */
  readonly nodes: ReadonlyMap<string, ServerProcess>;
  /** What its processes are told alike. */
  readonly env: Readonly<Record<string, string>>;
  token(user: string): Promise<string>;
  /** From discovery, good at every node, as soon as one can take its client. */
  ticket(user: string): Promise<string>;
  /** Starts one more node, or one again. */
  startNode(id: string, engine: 'uws' | 'ws', env?: Readonly<Record<string, string>>): Promise<ServerProcess>;
  /** Ends discovery, and starts another at its address. */
  restartDiscovery(env: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterSetup {
  readonly redis?: RedisServerOptions;
  readonly engines: readonly ('uws' | 'ws')[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of each process of ours. */
  readonly nodeFlags?: readonly string[];
}

/** Starts nodes `n1`, `n2` … with these engines, and one discovery, which knows a node when this resolves. */
export async function startCluster({
  engines,
  env = {},
  nodeFlags = [],
  redis: options,
}: ClusterSetup): Promise<Cluster> {
  const redis = await startRedis(options);
  const shared = {
    FANFARE_REDIS_URL: redis.url,
    FANFARE_HOST: '127.0.0.1',
    FANFARE_PORT: '0',
    FANFARE_AUTH_SECRET: AUTH_SECRET,
    FANFARE_CLUSTER_SECRET: CLUSTER_SECRET,
    FANFARE_ADMIN_KEY: ADMIN_KEY,
    FANFARE_PUBLISH_KEY: PUBLISH_KEY,
    FANFARE_LOG_LEVEL: 'warn',
    ...env,
  };
  const nodes = new Map<string, ServerProcess>();
  const startNode: Cluster['startNode'] = async (id, engine, own = {}) => {
    const named = { FANFARE_NODE_ID: id, FANFARE_ENGINE: engine };
    const node = await startFanfare(['node'], { env: { ...shared, ...named, ...own }, nodeFlags });
    nodes.set(id, node);
    return node;
  };
  let [discovery] = await Promise.all([
    startFanfare(['discovery'], { env: shared, nodeFlags }),
    ...engines.map((engine, index) => startNode(`n${index + 1}`, engine)),
  ]);
  if (engines.length > 0) await knowsNodes(discovery);
  const token = (subject: string) =>
    signToken({ secret: AUTH_SECRET, subject, grants: EVERYTHING, lifetimeMs: 3_600_000 });
  return {
    redis,
    get discovery() {
      return discovery;
    },
    nodes,
    env: shared,
    token,
    ticket: async (user) => ticketFrom(discovery, await token(user)),
    startNode,
    async restartDiscovery(own) {
      const { port } = new URL(discovery.url);
      await discovery.stop();
      discovery = await startFanfare(['discovery'], { env: { ...shared, FANFARE_PORT: port, ...own }, nodeFlags });
    },
    async close() {
      await Promise.all([discovery.stop(), ...[...nodes.values()].map((node) => node.stop())]);
      await redis.stop();
    },
  };
}

/** Waits as clients do: nodes that Redis has forgotten, as after FLUSHALL, are known again once they have reported. */
async function ticketFrom({ url }: ServerProcess, token: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  let ticket = '';
  await eventually(async () => {
    const response = await fetch(`${url}/v1/connect`, { method: 'POST', headers });
    const answer = (await response.json()) as { readonly ticket?: string };
    ticket = answer.ticket ?? '';
    return ticket !== '' || `no ticket: ${response.status} ${JSON.stringify(answer)}`;
  }, 30_000);
  return ticket;
}

/** It looks for nodes twice a second: what is asked of it before it has seen the first is not what tests are about. */
async function knowsNodes({ url, ops = url }: ServerProcess): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${ops}/readyz`);
    return response.ok || `discovery is not ready: ${response.status} ${await response.text()}`;
  }, 30_000);
}

export const EVERYTHING = { subscribe: ['room:*', 'news'], publish: ['room:*', 'news'], presence: [] };
