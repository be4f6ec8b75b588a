// All secrets and keys of a cluster are rotated while clients listen and backends publish: who noticed, and what was lost.

import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createClient } from '../../client-sdk/node.js';
import { TRANSPORTS } from '../../src/protocol/index.js';
import { makeDocumentedUsers } from '../support/documented-users.js';
import { eventually } from '../support/eventually.js';
import { byHttp, byRedis, Publisher } from '../support/load.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import type { Refusal } from '../support/steady-client.js';
import { agesOf, Secrets, STAGES, type Stage } from './secrets.js';

export interface SecretsPlan {
  /** Over all transports. */
  readonly clients: number;
  /** How far: 2 stages end while the old ones are still good, 3 without them. */
  readonly stages: 2 | 3;
  readonly publishEveryMs: number;
  readonly say: (line: string) => void;
}

const NODES = [
  { id: 'n1', engine: 'uws' },
  { id: 'n2', engine: 'ws' },
] as const;
const CHANNELS = { http: 'room:http', redis: 'room:redis' };
const USERS = ['fanfare-node', 'publisher'];
/** The shortest that there is: who signs with an old secret no more waits for so long before that one goes. */
const TICKET_TTL_MS = 10_000;
const WITHIN_MS = 60_000;

type Client = ReturnType<typeof createClient<Record<string, unknown>>>;

interface Listener {
  readonly name: string;
  readonly client: Client;
  readonly heard: Readonly<Record<string, unknown[]>>;
}

/** Resolves with all that went wrong. */
export async function rotateSecrets(plan: SecretsPlan): Promise<readonly string[]> {
  const redis = await startRedis();
  const trial = new SecretsTrial(plan, redis);
  try {
    await trial.run();
  } finally {
    await trial.end();
    await redis.stop();
  }
  return trial.failures;
}

class SecretsTrial {
  readonly failures: string[] = [];
  readonly #plan: SecretsPlan;
  readonly #redis: RedisServer;
  readonly #secrets = new Secrets();
  readonly #processes = new Map<string, ServerProcess>();
  readonly #listeners: Listener[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #publishers: Publisher[] = [];
  /** What issuers and backends use now. */
  #age: 'old' | 'new' = 'old';
  #backend: Redis | undefined;

  constructor(plan: SecretsPlan, redis: RedisServer) {
    this.#plan = plan;
    this.#redis = redis;
  }

  async run(): Promise<void> {
    const { clients, stages, publishEveryMs, say } = this.#plan;
    await makeDocumentedUsers(this.#redis.admin);
    await this.#secrets.allow(this.#redis.admin, USERS, 'old');
    for (const name of ['discovery', ...NODES.map(({ id }) => id)]) await this.#start(name, 'old');
    for (let n = 0; n < clients; n++) this.#listen(n);
    await eventually(async () => this.#notConnected() ?? true, WITHIN_MS);
    this.#publishers.push(
      new Publisher(CHANNELS.http, publishEveryMs, (...terms) => this.#byHttp(...terms)),
      new Publisher(CHANNELS.redis, publishEveryMs, (...terms) => byRedis(this.#client())(...terms)),
    );
    for (const publisher of this.#publishers) publisher.start();
    const oldTicket = await this.#ticket();
    for (const stage of STAGES.slice(1, 1 + stages)) {
      await this.#roll(stage);
      say(
        `"${stage}" everywhere; ${this.#publishers.map(({ acknowledged }) => acknowledged.length).join(' + ')} published`,
      );
    }
    for (const publisher of this.#publishers) await publisher.stop();
    await eventually(async () => this.#behind() ?? true, WITHIN_MS).catch((error: unknown) =>
      this.#fail(String(error)),
    );
    this.#judge();
    if (stages === 3) await this.#oldIsGone(oldTicket);
  }

  async end(): Promise<void> {
    for (const publisher of this.#publishers) publisher.abandon();
    for (const { client } of this.#listeners) client.close();
    this.#backend?.disconnect();
    await Promise.all([...this.#processes.values()].map((one) => one.stop()));
  }

  /** Each process after the other is replaced; then issuers and backends take the one that signs. */
  async #roll(stage: Stage): Promise<void> {
    // Tickets that the old secret signed have ended by then, as OPERATIONS says.
    if (stage === 'new') await pause(TICKET_TTL_MS + 1_000);
    const { admin } = this.#redis;
    if (stage !== 'new') await this.#secrets.allow(admin, USERS, stage);
    for (const name of [...NODES.map(({ id }) => id), 'discovery']) {
      await this.#processes.get(name)?.stop();
      await this.#start(name, stage);
    }
    if (stage === 'new') await this.#secrets.allow(admin, USERS, stage);
    const [signing = 'new'] = agesOf(stage);
    if (signing !== this.#age) this.#take(signing);
    for (const age of agesOf(stage)) {
      const status = await this.#askNodes(age);
      if (status !== 200) this.#fail(`at "${stage}" the ${age} admin key was answered ${status}`);
    }
  }

  #take(age: 'old' | 'new'): void {
    this.#age = age;
    this.#backend?.disconnect();
    this.#backend = undefined;
  }

  async #start(name: string, stage: Stage): Promise<void> {
    const { host, port } = this.#redis;
    const [signing = 'new'] = agesOf(stage);
    const password = this.#secrets.of('REDIS_PASSWORD', signing);
    const node = NODES.find(({ id }) => id === name);
    const before = this.#processes.get(name);
    const env = {
      ...this.#secrets.env(stage),
      FANFARE_REDIS_URL: `redis://fanfare-node:${password}@${host}:${port}`,
      FANFARE_HOST: '127.0.0.1',
      FANFARE_PORT: node === undefined && before !== undefined ? new URL(before.url).port : '0',
      FANFARE_NAMESPACES: '{"default":{"historySize":10000}}',
      FANFARE_LOG_LEVEL: 'warn',
      ...(node && { FANFARE_NODE_ID: node.id, FANFARE_ENGINE: node.engine }),
      ...(!node && { FANFARE_TICKET_TTL: `${TICKET_TTL_MS}ms` }),
    };
    this.#processes.set(name, await startFanfare([node === undefined ? 'discovery' : 'node'], { env }));
  }

  #listen(n: number): void {
    const transport = TRANSPORTS[n % TRANSPORTS.length] ?? 'websocket';
    const name = `client ${n} (${transport})`;
    const token = () => this.#secrets.token(n, this.#age);
    const client: Client = createClient({ url: this.#url('discovery'), token, transports: [transport] });
    const heard: Record<string, unknown[]> = {};
    client.on('state', (state) => {
      if (state.type === 'closed' && state.code !== 1000)
        this.#fail(`${name} was closed: ${state.code} ${state.reason}`);
    });
    for (const channel of Object.values(CHANNELS)) {
      const values: unknown[] = [];
      heard[channel] = values;
      const subscription = client.subscribe(channel, { after: '-1' }, ({ data }) => void values.push(data));
      subscription.on('gap', ({ reason }) => this.#fail(`${name} was told a gap: ${reason}`));
    }
    this.#listeners.push({ name, client, heard });
  }

  #notConnected(): string | undefined {
    return this.#listeners.find(({ client }) => client.state.type !== 'connected')?.name;
  }

  #behind(): string | undefined {
    for (const { channel, acknowledged } of this.#publishers) {
      const late = this.#listeners.find(({ heard }) => (heard[channel]?.length ?? 0) < acknowledged.length);
      if (late !== undefined) return `${late.name} lacks messages of ${channel}`;
    }
    return undefined;
  }

  /** Everybody has everything once and in order, and no backend was turned away. */
  #judge(): void {
    for (const { channel, acknowledged } of this.#publishers) {
      const wanted = JSON.stringify(acknowledged.map(({ data }) => data));
      for (const { name, heard } of this.#listeners) {
        if (JSON.stringify(heard[channel]) !== wanted)
          this.#fail(`${name} has not heard ${channel} as it was published`);
      }
    }
    for (const { status, code } of this.#refusals) {
      if (status === 401 || status === 403) this.#fail(`a publish by HTTP was answered ${status} ${code}`);
    }
  }

  async #oldIsGone(oldTicket: string): Promise<void> {
    const { host, port } = this.#redis;
    const password = this.#secrets.of('REDIS_PASSWORD', 'old');
    const old = new Redis({
      host,
      port,
      username: 'publisher',
      password,
      lazyConnect: true,
      retryStrategy: () => null,
    });
    const redis = await new Promise<string>((resolve) => {
      old.once('error', ({ message }) => resolve(message));
      old.once('ready', () => resolve('taken'));
      old.connect().catch(() => undefined);
    });
    old.disconnect();
    const asked = {
      token: await this.#answerOf('discovery', '/v1/ticket', this.#secrets.token(0, 'old')),
      keyToken: await this.#answerOf('discovery', '/v1/ticket', this.#secrets.token(1, 'old')),
      // It has ended, but that is looked at after the signature.
      ticket: await this.#answerOf('n1', '/v1/poll', oldTicket, '{"channels":{"room:http":"now"}}'),
    };
    for (const [what, answer] of Object.entries(asked)) {
      if (answer !== '401 token_signature_invalid') this.#fail(`the old ${what} was answered ${answer}`);
    }
    const admin = await this.#askNodes('old');
    if (admin !== 403) this.#fail(`the old admin key was answered ${admin}`);
    const publishKey = this.#secrets.of('PUBLISH_KEY', 'old');
    const published = await this.#answerOf('n1', '/v1/publish', publishKey, '{"channel":"room:http","data":1}');
    if (!published.startsWith('401')) this.#fail(`the old publish key was answered ${published}`);
    if (!redis.startsWith('WRONGPASS')) this.#fail(`the old password of Redis: ${redis}`);
  }

  #byHttp(channel: string, data: string, key: string): Promise<string | undefined> {
    const publish = byHttp(this.#url('n1'), this.#secrets.of('PUBLISH_KEY', this.#age), this.#refusals);
    // A node that is being replaced refuses the connection.
    return publish(channel, data, key).catch(() => undefined);
  }

  #client(): Redis {
    if (this.#backend !== undefined) return this.#backend;
    const { host, port } = this.#redis;
    const password = this.#secrets.of('REDIS_PASSWORD', this.#age);
    this.#backend = new Redis({ host, port, username: 'publisher', password });
    this.#backend.on('error', (error) => {
      if (/WRONGPASS|NOAUTH/.test(error.message)) this.#fail(`a backend at Redis: ${error.message}`);
    });
    return this.#backend;
  }

  async #ticket(): Promise<string> {
    const headers = { Authorization: `Bearer ${this.#secrets.token(0, this.#age)}` };
    const answer = await fetch(`${this.#url('discovery')}/v1/ticket`, { method: 'POST', headers });
    return String(((await answer.json()) as { ticket?: unknown }).ticket);
  }

  async #askNodes(age: 'old' | 'new'): Promise<number> {
    const headers = { Authorization: `Bearer ${this.#secrets.of('ADMIN_KEY', age)}` };
    const answer = await fetch(`${this.#url('discovery')}/v1/nodes`, { headers });
    await answer.arrayBuffer();
    return answer.status;
  }

  /** Status and code. */
  async #answerOf(name: string, path: string, bearer: string, body?: string): Promise<string> {
    const headers = { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' };
    const answer = await fetch(`${this.#url(name)}${path}`, { method: 'POST', headers, ...(body && { body }) });
    const { code = '' } = (await answer.json()) as { code?: string };
    return `${answer.status} ${code}`;
  }

  #url(name: string): string {
    return this.#processes.get(name)?.url ?? '';
  }

  #fail(failure: string): void {
    this.failures.push(failure);
  }
}
