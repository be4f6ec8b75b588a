// A client of a chaos run that speaks the contract by itself: it drops nothing that comes twice, and forgives nothing.

import { setTimeout as pause } from 'node:timers/promises';
import { FEEDS, type Feed, type FeedEvent } from '../support/feed.js';
import { carriedValue } from './message-value.js';
import { type ChaosClient, type ClientPlan, type ClientTarget, userToken } from './sdk-client.js';

/** No node is silent for longer than its heartbeat, and a long poll of a feed ends after 20 s. */
const SILENCE_MS = { websocket: 9_000, sse: 9_000, 'long-poll': 22_000, 'short-poll': 9_000 } as const;
const CONNECT_LIMIT_MS = 5_000;

export async function openBareClient(plan: ClientPlan, target: ClientTarget): Promise<ChaosClient> {
  const token = await userToken(target, plan.id, plan.channels);
  const client = new BareClient(plan, target, token);
  void client.run();
  return client;
}

class BareClient implements ChaosClient {
  readonly #plan: ClientPlan;
  readonly #target: ClientTarget;
  readonly #token: string;
  readonly #positions = new Map<string, string>();
  readonly #subscribed = new Set<string>();
  #feed: Feed | undefined;
  #closed = false;
  #failures = 0;
  state = 'idle';

  constructor(plan: ClientPlan, target: ClientTarget, token: string) {
    this.#plan = plan;
    this.#target = target;
    this.#token = token;
    for (const channel of plan.channels) {
      this.#positions.set(channel, '-1');
      target.note({ kind: 'invoke', f: 'subscribe', client: plan.id, channel, offset: '-1' });
    }
  }

  get id(): string {
    return this.#plan.id;
  }

  get isConnected(): boolean {
    const answered = this.#plan.transport.endsWith('poll') ? this.#feed !== undefined : this.#subscribed.size > 0;
    return this.state === 'connected' && answered;
  }

  positions(): Iterable<readonly [string, string]> {
    return this.#positions;
  }

  close(): void {
    this.#closed = true;
    this.#feed?.close();
  }

  /** Connects, listens until that ends, pauses, and so on. */
  async run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#listen();
      } catch {
        // The network, or a server that is not there: again.
      }
      this.#feed?.close();
      this.#feed = undefined;
      this.#subscribed.clear();
      this.#tell('waiting');
      await pause(Math.min(2_000, 100 * 2 ** this.#failures++) * Math.random());
    }
  }

  async #listen(): Promise<void> {
    const response = await fetch(`${this.#target.discoveryUrl}/v1/connect`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.#token}` },
      signal: AbortSignal.timeout(CONNECT_LIMIT_MS),
    });
    if (response.status !== 200) throw new Error(`discovery answered ${response.status}`);
    const { node, ticket } = (await response.json()) as { node: { id: string; url: string }; ticket: string };
    if (this.#closed) return;
    const feed = FEEDS[this.#plan.transport]?.({ url: node.url, ticket }, Object.fromEntries(this.#positions));
    if (feed === undefined) throw new Error(`no feed for ${this.#plan.transport}`);
    this.#feed = feed;
    this.#tell('connected', node.id);
    for (;;) {
      const silence = setTimeout(() => feed.close(), SILENCE_MS[this.#plan.transport]);
      const event = await feed.events.next();
      clearTimeout(silence);
      if (this.#take(event)) return;
      this.#failures = 0;
    }
  }

  /** Answers whether the feed has come to its end. */
  #take(event: FeedEvent): boolean {
    const { channel = '', offset = '' } = event;
    const { id, transport } = this.#plan;
    const { note, heard } = this.#target;
    if (event.type === 'subscribed') {
      this.#subscribed.add(channel);
      if (this.#positions.get(channel) === '-1' && !transport.endsWith('poll')) this.#positions.set(channel, offset);
    } else if (event.type === 'message') {
      const value = carriedValue(event.data);
      note({ kind: 'ok', f: 'deliver', client: id, channel, offset, value });
      heard(transport, value);
      this.#positions.set(channel, offset);
    } else if (event.type === 'gap') {
      const { after = '', reason = '' } = event;
      note({ kind: 'ok', f: 'gap', client: id, channel, after, offset, reason: String(reason) });
      this.#positions.set(channel, offset);
    }
    return ['closed', 'close', 'refused', 'error', 'move'].includes(event.type);
  }

  #tell(state: string, node?: string): void {
    this.state = state;
    const where = node === undefined ? {} : { transport: this.#plan.transport, node };
    this.#target.note({ kind: 'info', f: 'state', client: this.id, state, ...where });
  }
}
