// A stream from its request to its end, seen from the node.

import type { Begin } from '../../src/protocol/index.js';
import type { Exchange } from './exchange.js';
import { LIMITS } from './socket-way.js';
import { admit, type Cluster, checkBegins, Feed } from './way.js';

const HEARTBEAT_MS = 7_000;

export class StreamWay extends Feed {
  readonly #exchange: Exchange;
  readonly #lagMs: number;
  readonly #heartbeatMs: number;

  constructor(cluster: Cluster, exchange: Exchange, lagMs: number) {
    super(cluster, exchange.url.hostname);
    this.#exchange = exchange;
    this.#lagMs = lagMs;
    admit(cluster, this, 'stream');
    exchange.onend = () => {
      cluster.ways.delete(this);
      cluster.open.delete(this);
    };
    exchange.stream(lagMs);
    const { features, channels, heartbeatMs = HEARTBEAT_MS } = exchange.body;
    const granted = cluster.faults.features.filter((one) => (features as string[] | undefined)?.includes(one));
    this.#heartbeatMs = granted.includes('quiet') ? Number(heartbeatMs) : HEARTBEAT_MS;
    const who = { connection: 'c-s.1', node: this.node, user: 'u' };
    this.say({ type: 'connected', ...who, heartbeatMs: this.#heartbeatMs, limits: LIMITS, features: granted });
    checkBegins(cluster, channels, granted);
    for (const [channel, begin] of Object.entries(channels as Record<string, Begin>)) this.attach(channel, begin);
    this.#beat();
    const leftMs = cluster.expiresAtMs(exchange.token) - cluster.clock.monotonic();
    cluster.clock.world(leftMs, () => {
      if (cluster.ways.has(this)) this.end(4005, 'token_expired: the ticket has ended');
    });
  }

  get isOpen(): boolean {
    return this.#exchange.isOpen;
  }

  protected say(event: object, arrived?: () => void): void {
    this.#exchange.write(this.#lagMs, `data: ${JSON.stringify(event)}\n\n`, arrived);
  }

  #beat(): void {
    this.cluster.clock.world(this.#heartbeatMs - 200, () => {
      if (!this.cluster.ways.has(this)) return;
      this.#exchange.write(this.#lagMs, ':\n\n');
      this.#beat();
    });
  }

  lose(): void {
    this.cluster.ways.delete(this);
    if (this.cluster.random.chance(0.3)) this.#exchange.finish(this.#lagMs);
    else this.#exchange.fail(this.#lagMs);
  }

  end(code: number, reason: string, retryAfterMs?: number): void {
    this.say({ type: 'close', code, reason, ...(retryAfterMs && { retryAfterMs }) });
    this.cluster.ways.delete(this);
    this.#exchange.finish(this.#lagMs);
  }
}
