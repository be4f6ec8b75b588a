// The node under fire: a process as it is shipped, with a limit of open files, and what it holds.

import { readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { COLLECTING } from '../../loadtest/server-process.js';
import { signToken } from '../../src/auth/token-signer.js';
import { type ServerProcess, startFanfare } from '../support/process.js';
import { CHANNEL, textOf } from './subscriber.js';

const AUTH_SECRET = 'user-tokens-of-the-gun-0123456789abcdef';
const PUBLISH_KEY = 'publish-key-of-the-gun-0123456789abcdef';
/** Where the backend is, and whoever looks at the node. */
const OWN_ADDRESS = '127.0.0.250';
const MIB = 1024 * 1024;
const PUBLISH_EVERY_MS = 100;

/** What a process holds. */
export interface Holding {
  readonly descriptors: number;
  /** Heap in use and external memory. */
  readonly usedMiB: number;
  readonly rssMiB: number;
}

export class Target {
  readonly port: number;
  readonly #process: ServerProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: OWN_ADDRESS });
  #publishing: Promise<void> | undefined;
  #isPublishing = false;
  /** Numbers that were acknowledged, from 0 on. */
  published = 0;
  /** Answers to publishes that were no acknowledgement, 0 for none. */
  readonly notPublished: number[] = [];
  #hasEnded = false;

  private constructor(server: ServerProcess) {
    this.#process = server;
    this.port = Number(new URL(server.url).port);
    void server.finished.then(() => {
      this.#hasEnded = true;
    });
  }

  static async start(
    engine: 'uws' | 'ws',
    openFiles: number,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Target> {
    const env = {
      FANFARE_HOST: '127.0.0.1',
      FANFARE_PORT: '0',
      FANFARE_ENGINE: engine,
      FANFARE_AUTH_SECRET: AUTH_SECRET,
      FANFARE_PUBLISH_KEY: PUBLISH_KEY,
      FANFARE_NAMESPACES: '{"default":{"historySize":1000}}',
      FANFARE_LOG_LEVEL: 'warn',
      FANFARE_HANDSHAKES_PER_IP: '',
      ...more,
    };
    return new Target(await startFanfare(['start'], { env, openFiles, nodeFlags: COLLECTING }));
  }

  get isAlive(): boolean {
    return !this.#hasEnded;
  }

  log(): string {
    return this.#process.log();
  }

  /** Of a user with this name, who reads the channel that is published to, unless other channels are named to read and write. */
  token(user: string, channels?: readonly string[]): Promise<string> {
    const grants = { subscribe: channels ?? [CHANNEL], publish: channels ?? [], presence: [] };
    return signToken({ secret: AUTH_SECRET, subject: user, grants, lifetimeMs: 3_600_000 });
  }

  /** Publishes numbers until {@link stopPublishing}, each until it is acknowledged. */
  startPublishing(): void {
    this.#isPublishing = true;
    this.#publishing = this.#publish();
  }

  async stopPublishing(): Promise<void> {
    this.#isPublishing = false;
    await this.#publishing;
  }

  /** After a collection of garbage. */
  async holding(): Promise<Holding> {
    this.#process.kill('SIGUSR2');
    // It answers once it has collected.
    const names = ['nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes', 'process_resident_memory_bytes'];
    const [heap = 0, external = 0, resident = 0] = await this.figures(names);
    return { descriptors: await this.descriptors(), usedMiB: (heap + external) / MIB, rssMiB: resident / MIB };
  }

  /** Of its metrics, as they are now. */
  async figures(names: readonly string[]): Promise<readonly number[]> {
    const text = await this.#get('/metrics');
    return names.map((name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]));
  }

  /** How long the process takes to say that it lives. */
  async answerMs(): Promise<number> {
    const startedAt = performance.now();
    await this.#get('/livez');
    return performance.now() - startedAt;
  }

  async descriptors(): Promise<number> {
    return (await readdir(`/proc/${this.#process.pid}/fd`)).length;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#process.stop();
  }

  async #publish(): Promise<void> {
    while (this.#isPublishing && this.isAlive) {
      const startedAt = performance.now();
      const body = JSON.stringify({ channel: CHANNEL, data: this.published, key: `n${this.published}` });
      const status = await this.#post('/v1/publish', body).catch(() => 0);
      if (status === 200) this.published++;
      else this.notPublished.push(status);
      await new Promise((resolve) => setTimeout(resolve, PUBLISH_EVERY_MS - (performance.now() - startedAt)));
    }
  }

  async #get(path: string): Promise<string> {
    const sent = request({ host: '127.0.0.1', port: this.port, path, agent: this.#agent, localAddress: OWN_ADDRESS });
    return new Promise((resolve, reject) => {
      sent.once('response', (response) => resolve(textOf(response)));
      sent.once('error', reject);
      sent.end();
    });
  }

  #post(path: string, body: string): Promise<number> {
    const headers = { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' };
    const place = { host: '127.0.0.1', port: this.port, agent: this.#agent, localAddress: OWN_ADDRESS };
    const sent = request({ ...place, path, method: 'POST', headers });
    return new Promise((resolve, reject) => {
      sent.once('response', (response) => textOf(response).then(() => resolve(response.statusCode ?? 0), reject));
      sent.once('error', reject);
      sent.end(body);
    });
  }
}
