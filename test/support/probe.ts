// Asks one node all the time whether it delivers: publishes on it, and listens on it.

import type { Cluster } from './cluster.js';
import { PUBLISH_KEY } from './cluster.js';
import { SocketClient } from './feed.js';

const EVERY_MS = 100;
/** Chosen: a probe that takes longer says nothing of the moment. */
const FRESH_MS = 1_000;

export class Probe {
  /** Unix milliseconds at which a fresh probe came through. */
  readonly deliveries: number[] = [];
  readonly #client: SocketClient;
  #timer: NodeJS.Timeout | undefined;

  private constructor(client: SocketClient) {
    this.#client = client;
  }

  /** Resolves when it is subscribed. */
  static async start(cluster: Cluster, url: string, channel: string): Promise<Probe> {
    const client = new SocketClient(url);
    client.connect(await cluster.ticket(`probe-${channel}`));
    client.command({ type: 'subscribe', channels: { [channel]: 'now' } });
    await client.events.nextOf('subscribed');
    const probe = new Probe(client);
    void probe.#listen();
    probe.#timer = setInterval(() => void publish(url, channel), EVERY_MS);
    return probe;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#client.socket.close();
  }

  async #listen(): Promise<void> {
    for (;;) {
      const { type, data } = await this.#client.events.nextOf('message', 'closed');
      if (type === 'closed') return;
      if (Date.now() - Number(data) < FRESH_MS) this.deliveries.push(Date.now());
    }
  }
}

/** Whatever comes of it: only what is delivered counts. */
async function publish(url: string, channel: string): Promise<void> {
  const response = await fetch(`${url}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel, data: Date.now() }),
  });
  await response.arrayBuffer();
}
