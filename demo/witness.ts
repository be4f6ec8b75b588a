// A second client, whose network is never cut: it sees what the first one misses, and publishes meanwhile.

import type { After, Client, ClientOptions, Offset } from '../client-sdk/types.js';
import { nowMs, type Payload } from './payload.js';
import type { CreateClient } from './receiver.js';

export interface WitnessParts {
  readonly createClient: CreateClient;
  /** With the browser's own network. */
  readonly options: ClientOptions;
  /** A logged message was published on a channel. May be told twice of one. */
  readonly onSeen: (channel: string, offset: Offset) => void;
  readonly onError: (error: unknown) => void;
}

/** The stand-in for a backend that does not care who is offline. */
const STAND_IN = 'Stand-in backend';
const EVERY_MS = 700;
const AT_MOST = 12;

export class Witness {
  readonly #parts: WitnessParts;
  readonly #client: Client;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Watches each channel from the position that the first client is at. */
  constructor(parts: WitnessParts, positions: ReadonlyMap<string, After>) {
    this.#parts = parts;
    this.#client = parts.createClient(parts.options);
    this.#client.on('error', parts.onError);
    for (const [channel, after] of positions) this.watch(channel, after);
  }

  watch(channel: string, after: After): void {
    this.#client.subscribe(channel, { after }, ({ offset }) => {
      if (offset !== undefined) this.#parts.onSeen(channel, offset);
    });
  }

  async publish(channel: string, data: Payload): Promise<Offset> {
    const { offset } = await this.#client.publish(channel, data);
    this.#parts.onSeen(channel, offset);
    return offset;
  }

  /** Publishes now and then on `channel`, until `stop`. */
  play(channel: string): void {
    this.stop();
    let count = 0;
    const next = () => {
      count++;
      if (count >= AT_MOST) this.stop();
      const text = `Published while you were cut off (${count})`;
      this.publish(channel, { text, by: STAND_IN, sentAtMs: nowMs() }).catch(this.#parts.onError);
    };
    this.#timer = setInterval(next, EVERY_MS);
    next();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.stop();
    this.#client.close();
  }
}
