// A client that comes and goes by any transport, resumes where it was, and has all that it is told judged.

import { type EventQueue, FEEDS, type FeedEvent, SocketClient } from './feed.js';
import { Judge, type PublishedLog } from './history-judge.js';
import type { TestNode } from './push-node.js';
import type { Random } from './random.js';

const TRANSPORTS = Object.keys(FEEDS);

/** What stands with a channel: `deaf` until the old subscription is known to have ended. */
interface Watched {
  readonly judge: Judge;
  asked: string | undefined;
  deaf: boolean;
}

export class HistorySubscriber {
  readonly #node: TestNode;
  readonly #random: Random;
  readonly #watched: ReadonlyMap<string, Watched>;
  #transport = '';
  #socket: SocketClient | undefined;
  #feed: { readonly events: EventQueue; close(): void } | undefined;
  resumes = 0;

  constructor(node: TestNode, random: Random, logs: ReadonlyMap<string, PublishedLog>) {
    this.#node = node;
    this.#random = random;
    const watched = [...logs].map(([name, log]): [string, Watched] => [
      name,
      { judge: new Judge(log), asked: undefined, deaf: false },
    ]);
    this.#watched = new Map(watched);
  }

  get judges(): readonly Judge[] {
    return [...this.#watched.values()].map(({ judge }) => judge);
  }

  /** Whether it has got as far as `last` names, on each of its channels. */
  isAt(last: (channel: string) => string): boolean {
    return [...this.#watched].every(([name, { judge }]) => judge.position === last(name));
  }

  /** Disconnects, at whatever moment this is, and comes back by any transport. */
  reconnect(): void {
    this.close();
    this.resumes++;
    this.#transport = this.#random.pick(TRANSPORTS);
    const channels: Record<string, string> = {};
    for (const [name, watched] of this.#watched) {
      watched.asked = watched.judge.position ?? this.#random.pick(['now', '-1']);
      watched.deaf = false;
      watched.judge.asked(watched.asked, this.#transport);
      channels[name] = watched.asked;
    }
    const target = { url: this.#node.url, ticket: this.#node.ticket() };
    if (this.#transport === 'websocket') {
      const client = new SocketClient(target.url);
      client.connect(target.ticket);
      client.command({ type: 'subscribe', channels });
      this.#socket = client;
      this.#feed = client;
    } else this.#feed = FEEDS[this.#transport]?.(target, channels);
  }

  /** Something that only a WebSocket can do; others reconnect. */
  act(): void {
    const [name, watched] = this.#random.pick([...this.#watched]);
    const { position } = watched.judge;
    if (this.#socket === undefined || position === undefined || watched.asked !== undefined) return this.reconnect();
    if (this.#random.chance(0.5)) {
      this.#socket.command({ type: 'subscribe', channels: { [name]: 'now' } });
      return;
    }
    watched.deaf = true;
    watched.asked = position;
    watched.judge.asked(position, 'another subscribe');
    this.#socket.command({ type: 'unsubscribe', channels: [name] });
    this.#socket.command({ type: 'subscribe', channels: { [name]: position } });
  }

  /** Judges what has come. */
  async take(): Promise<void> {
    const feed = this.#feed;
    while (feed !== undefined && feed.events.size > 0) {
      const event = await feed.events.next();
      if (event.type === 'refused' && event.code !== 'broker_unavailable') throw new Error(JSON.stringify(event));
      if (event.type === 'error') throw new Error(JSON.stringify(event));
      if (event.type === 'refused' || event.type === 'closed' || event.type === 'close') return this.reconnect();
      this.#judge(event);
    }
  }

  close(): void {
    this.#feed?.close();
    this.#feed = undefined;
    this.#socket = undefined;
  }

  #judge(event: FeedEvent): void {
    const watched = this.#watched.get(event.channel ?? '');
    if (watched === undefined) return;
    if (event.type === 'unsubscribed') watched.deaf = false;
    if (watched.deaf || (event.type === 'message' && event.offset === undefined)) return;
    if (event.type === 'subscribed') this.#subscribed(event, watched);
    else if (event.type === 'gap') watched.judge.gap(event);
    else if (event.type === 'message') watched.judge.message(event);
  }

  #subscribed(event: FeedEvent, watched: Watched): void {
    const { asked } = watched;
    watched.asked = undefined;
    // What a poll answers is its end: only for `now` does it say where it begins.
    const isPoll = this.#transport.endsWith('poll');
    if (!isPoll || asked === 'now') watched.judge.subscribed(event, asked);
  }
}
