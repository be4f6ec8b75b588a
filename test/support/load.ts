// Publishers that never give up: each message is tried with one idempotency key until it is acknowledged.

import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Heard, type Refusal, refusalOf } from './steady-client.js';

/** One attempt; resolves with the offset, or `undefined` when it is to be tried again. */
export type Attempt = (channel: string, data: string, key: string) => Promise<string | undefined>;

/** Chosen: how soon a publication that was refused is tried again. */
const AGAIN_AFTER_MS = 200;

/** One channel's publisher: numbers, one after the other, so that their order is known. */
export class Publisher {
  readonly channel: string;
  /** In the order of the log. */
  readonly acknowledged: Heard[] = [];
  readonly #attempt: Attempt;
  readonly #everyMs: number;
  #stopped = false;
  #abandoned = false;
  #running: Promise<void> | undefined;

  constructor(channel: string, everyMs: number, attempt: Attempt) {
    this.channel = channel;
    this.#everyMs = everyMs;
    this.#attempt = attempt;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves once the message under way is acknowledged. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Ends without it. */
  abandon(): void {
    this.#stopped = true;
    this.#abandoned = true;
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const startedAt = performance.now();
      let offset: string | undefined;
      while (offset === undefined) {
        offset = await this.#attempt(this.channel, String(n), `${this.channel}-${n}`);
        if (offset !== undefined) break;
        if (this.#abandoned) return;
        await pause(AGAIN_AFTER_MS);
      }
      this.acknowledged.push({ offset, data: n });
      await pause(Math.max(0, this.#everyMs - (performance.now() - startedAt)));
    }
  }
}

/** Publishes with FCALL, as a backend that has a Redis client. */
export function byRedis(client: Redis): Attempt {
  return async (channel, data, key) => {
    const keys = [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`, `fanfare:{${channel}}:key:b:${key}`];
    try {
      return String(await client.call('FCALL', 'fanfare_publish', keys.length, ...keys, data));
    } catch {
      return undefined;
    }
  };
}

/** For `byRedis`: nothing waits in a queue. */
export function publishingClient(host: string, port: number): Redis {
  const client = new Redis({ host, port, enableOfflineQueue: false, commandTimeout: 2_000, retryStrategy: () => 200 });
  client.on('error', () => {});
  return client;
}

/** Publishes by HTTP; what is refused is written down. */
export function byHttp(url: string, publishKey: string, refusals: Refusal[]): Attempt {
  return async (channel, data, key) => {
    const response = await fetch(`${url}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${publishKey}`, 'Content-Type': 'application/json' },
      body: `{"channel":${JSON.stringify(channel)},"data":${data},"key":${JSON.stringify(key)}}`,
    });
    const text = await response.text();
    if (response.status === 200) return String((JSON.parse(text) as { offset: unknown }).offset);
    refusals.push(refusalOf(response, text));
    return undefined;
  };
}
