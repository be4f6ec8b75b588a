// An honest crowd of three beside the attack: one that is delivered to, one that subscribes anew, one that publishes.

import { setTimeout as pause } from 'node:timers/promises';
import { SocketClient } from '../support/feed.js';

/** Less often than its user may. */
const PUBLISH_EVERY_MS = 60;
const SUBSCRIBE_EVERY_MS = 300;

export interface Noticed {
  readonly deliveriesMs: readonly number[];
  readonly subscribesMs: readonly number[];
  /** Codes with which publishes were refused, and subscribes. */
  readonly refused: readonly string[];
  readonly missing: number;
}

export interface CanaryPlace {
  readonly url: string;
  /** Of three users. */
  readonly tokens: readonly [string, string, string];
}

export class Canary {
  readonly #listener: SocketClient;
  readonly #subscriber: SocketClient;
  readonly #publisher: SocketClient;
  #deliveriesMs: number[] = [];
  #subscribesMs: number[] = [];
  #refused: string[] = [];
  #sent = 0;
  #isOver = false;
  readonly #running: Promise<unknown>;

  private constructor(clients: readonly [SocketClient, SocketClient, SocketClient]) {
    [this.#listener, this.#subscriber, this.#publisher] = clients;
    this.#running = Promise.all([this.#listen(), this.#subscribe(), this.#publish(), this.#hear()]);
  }

  static async start({ url, tokens }: CanaryPlace): Promise<Canary> {
    const [listener, subscriber, publisher] = tokens.map((token) => {
      const client = new SocketClient(url);
      client.connect(token);
      return client;
    });
    if (listener === undefined || subscriber === undefined || publisher === undefined) throw new TypeError('three');
    listener.command({ type: 'subscribe', channels: { 'canary:1': 'now' } });
    await listener.events.nextOf('subscribed');
    for (const client of [subscriber, publisher]) await client.events.nextOf('connected');
    return new Canary([listener, subscriber, publisher]);
  }

  /** What it has noticed since it was last asked. */
  take(): Noticed {
    const noticed = {
      deliveriesMs: this.#deliveriesMs,
      subscribesMs: this.#subscribesMs,
      refused: this.#refused,
      missing: this.#sent - this.#deliveriesMs.length,
    };
    this.#deliveriesMs = [];
    this.#subscribesMs = [];
    this.#refused = [];
    this.#sent = Math.max(0, noticed.missing);
    return noticed;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    for (const client of [this.#listener, this.#subscriber, this.#publisher]) client.close();
    await this.#running;
  }

  async #publish(): Promise<void> {
    while (!this.#isOver) {
      this.#publisher.command({ type: 'publish', channel: 'canary:1', data: performance.now() });
      this.#sent++;
      await pause(PUBLISH_EVERY_MS);
    }
  }

  async #hear(): Promise<void> {
    while (!this.#isOver) {
      const event = await this.#publisher.events.nextOf('error', 'closed');
      if (event.type === 'closed') return;
      this.#refused.push(String(event.code));
    }
  }

  async #listen(): Promise<void> {
    while (!this.#isOver) {
      const event = await this.#listener.events.nextOf('message', 'closed');
      if (event.type === 'closed') return;
      this.#deliveriesMs.push(performance.now() - Number(event.data));
    }
  }

  async #subscribe(): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const channel = `canary:new-${n}`;
      const startedAt = performance.now();
      this.#subscriber.command({ type: 'subscribe', channels: { [channel]: 'now' } });
      const { type, code } = await this.#subscriber.events.nextOf('subscribed', 'error', 'closed');
      if (type === 'closed') return;
      if (type === 'error') this.#refused.push(`subscribe ${code}`);
      this.#subscribesMs.push(performance.now() - startedAt);
      this.#subscriber.command({ type: 'unsubscribe', channels: [channel] });
      await pause(SUBSCRIBE_EVERY_MS);
    }
  }
}
