// One poll from its request to its answer, seen from the node.

import type { Begin } from '../../src/protocol/index.js';
import { type Exchange, problem } from './exchange.js';
import { admit, type Cluster, checkBegins, type Way } from './way.js';

interface Answer {
  readonly channels: Record<string, { readonly offset: string; readonly messages: object; readonly more?: boolean }>;
}

type Positions = readonly (readonly [channel: string, begin: Begin])[];

export class PollWay implements Way {
  isAlone = false;
  readonly node: string;
  readonly #cluster: Cluster;
  readonly #exchange: Exchange;
  readonly #lagMs: number;
  readonly #channels: Positions;

  constructor(cluster: Cluster, exchange: Exchange, lagMs: number) {
    this.node = exchange.url.hostname;
    this.#cluster = cluster;
    this.#exchange = exchange;
    this.#lagMs = lagMs;
    const { channels, features = [], waitMs = 0 } = exchange.body;
    this.#channels = Object.entries(channels as Record<string, Begin>);
    checkBegins(cluster, channels, features);
    admit(cluster, this, 'poll');
    exchange.onend = () => {
      cluster.ways.delete(this);
      cluster.open.delete(this);
    };
    if (this.#look() || !waitMs || cluster.faults.isDraining) this.#answer(false);
    else this.#wait(Number(waitMs));
  }

  #wait(waitMs: number): void {
    const cluster = this.#cluster;
    // A client waits in one poll at a time.
    for (const other of cluster.ways) if (other instanceof PollWay && other !== this) other.#answer(true);
    cluster.clock.world(waitMs, () => this.#answer(true));
    const leftMs = cluster.expiresAtMs(this.#exchange.token) - cluster.clock.monotonic();
    cluster.clock.world(leftMs, () => this.#refuse(401, 'token_expired'));
  }

  get isOpen(): boolean {
    return this.#exchange.isOpen;
  }

  /** What there is for it, if anything. */
  #look(live: Readonly<Record<string, unknown>> = {}): Answer | undefined {
    const channels: Answer['channels'] = {};
    for (const [channel, asked] of this.#channels) {
      const log = this.#cluster.log(channel);
      const { at, gap } = log.enter(asked);
      const all = log.after(at);
      const logged = all.slice(0, this.#cluster.faults.pageSize);
      const isMore = logged.length < all.length;
      const lives = channel in live && !isMore ? [{ data: live[channel] }] : [];
      const isBeginning = typeof asked !== 'string' || asked === 'now';
      if (!logged[0] && !lives[0] && !gap && !isBeginning) continue;
      const offset = logged.at(-1)?.offset ?? at;
      channels[channel] = {
        offset,
        messages: [...logged, ...lives],
        ...(gap && { gap }),
        ...(isMore && { more: true }),
      };
    }
    return Object.keys(channels)[0] ? { channels } : undefined;
  }

  #answer(isOver: boolean, live?: Readonly<Record<string, unknown>>, arrived?: () => void): void {
    if (!this.#cluster.ways.delete(this)) return;
    const { faults, random } = this.#cluster;
    const found = isOver ? undefined : this.#look(live);
    const headers = faults.isDraining ? { 'Fanfare-Move': '1' } : {};
    if (random.chance(faults.loss)) return this.#exchange.fail(this.#lagMs);
    if (found && Object.values(found.channels).some(({ more }) => more)) this.#cluster.hasMore();
    if (found) this.#exchange.respond(this.#lagMs, 200, JSON.stringify(found), headers, arrived);
    else this.#exchange.respond(this.#lagMs, 204, '', headers);
  }

  #refuse(status: number, code: string, more = {}): void {
    if (this.#cluster.ways.delete(this)) this.#exchange.respond(this.#lagMs, status, problem(code, more));
  }

  changed(channel: string): void {
    if (this.#channels.some(([name]) => name === channel) && this.#look()) this.#answer(false);
  }

  tell(channel: string, data: unknown): void {
    if (!this.#channels.some(([name]) => name === channel)) return;
    this.#answer(false, { [channel]: data }, () => this.isAlone && this.#cluster.arrived(channel, data));
  }

  repeat(): void {}

  withdraw(channel: string): void {
    if (this.#channels.some(([name]) => name === channel)) {
      this.#refuse(403, 'forbidden_channel', { channels: [channel] });
    }
  }

  move(): void {}

  lose(): void {
    if (this.#cluster.ways.delete(this)) this.#exchange.fail(this.#lagMs);
  }

  fallSilent(): void {
    this.#cluster.ways.delete(this);
  }

  end(code: number, reason: string): void {
    const [word = ''] = reason.split(':');
    this.#refuse(code === 4501 || code === 4503 ? 401 : 503, word, { retryAfterMs: 500 });
  }
}
