// One subscription, and whether what it was told is what has happened to its channel.

import type { Beginning, Client, Gap, Message, Subscription, SubscriptionState } from '../../client-sdk/types.js';
import type { Begin } from '../../src/protocol/index.js';
import type { ChannelLog } from './channel-log.js';

export interface Asked {
  readonly begin: Begin;
  /** With an iterator instead of listeners; it pauses as it likes. */
  readonly pause?: (() => Promise<void>) | undefined;
  readonly gaps: 'throw' | 'yield';
  readonly signal?: AbortSignal | undefined;
  /** Nobody else reads the channel. */
  readonly isFirst?: boolean | undefined;
  /** Why the client may have been closed. */
  readonly mayClose: ReadonlySet<string>;
}

const isOffset = (position: string) => /^\d/.test(position);

export class Judge {
  readonly subscription: Subscription<unknown, Message | Gap>;
  readonly broken: string[] = [];
  readonly #log: ChannelLog;
  readonly #asked: Asked;
  /** Where the channel was when it was asked for, and in which life of its log. */
  readonly #from: { readonly earliest: string; readonly life: number };
  /** The position after which the next message is to come; unknown until the first is told. */
  at: string | undefined;
  /** Live-only messages: how often they were told, and how often they had to be. */
  readonly #live = new Map<unknown, number>();
  readonly #owed = new Map<unknown, number>();
  /** Why the server has ended it, or the application. */
  readonly mayEndWith = new Set(['unsubscribed']);

  constructor(client: Client, log: ChannelLog, channel: string, asked: Asked) {
    const { begin, pause, gaps, signal } = asked;
    this.#log = log;
    this.#asked = asked;
    this.#from = { earliest: log.enter(begin).at, life: log.life };
    const beginning: Beginning = typeof begin === 'object' ? begin : { after: begin };
    this.subscription = client.subscribe(channel, { ...beginning, signal, gaps: gaps as 'yield' });
    const { subscription } = this;
    if (isOffset(subscription.offset)) this.at = subscription.offset;
    subscription.on('state', (state) => this.#state(state));
    if (pause) this.#iterate(pause);
    else {
      subscription.on('gap', (gap) => this.#gap(gap));
      subscription.on('message', (message) => this.#message(message));
    }
  }

  get isOpen(): boolean {
    return this.subscription.state.type !== 'closed';
  }

  async #iterate(pause: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        for await (const item of this.subscription) {
          if ('reason' in item) this.#gap(item);
          else this.#message(item);
          await pause();
        }
        return;
      } catch (error) {
        const { code, gap } = error as { readonly code?: string; readonly gap?: Gap };
        if (code === 'gap' && gap) this.#gap(gap);
        else if (!this.#mayEnd(`${code}`)) return this.#say(`the iterator ended with ${error}`);
        else return;
      }
    }
  }

  #mayEnd(code: string): boolean {
    return this.mayEndWith.has(code) || this.#asked.mayClose.has(code);
  }

  #say(what: string): void {
    this.broken.push(`${this.subscription.channel} after ${this.#after}: ${what}`);
  }

  #state(state: SubscriptionState): void {
    if (state.type === 'closed') {
      if (!this.#mayEnd(state.code)) this.#say(`ended with ${state.code}`);
    } else if (state.type === 'subscribed' && state.recovered && isOffset(state.offset)) this.#begin(state.offset);
  }

  /** The first position that it is told, where it did not ask for one. */
  #begin(position: string): void {
    if (this.at !== undefined) return;
    const { life } = this.#log;
    const { begin, isFirst } = this.#asked;
    this.at = position;
    // What a failover has forgotten meanwhile was on its way.
    if (this.#log.hole(position)) return;
    // Where it would begin if it were asked for now; in one life of the log that only goes on.
    const latest = this.#log.enter(isOffset(begin as string) ? 'now' : begin).at;
    if (begin === '-1' && position > latest) this.#say(`begins at ${position}, and history at ${latest}`);
    if (this.#from.life !== life) return;
    if (position > latest) this.#say(`begins at ${position}, and would begin at ${latest} now`);
    const earliest = begin === '-1' || isFirst ? this.#from.earliest : '';
    if (position < earliest) this.#say(`begins at ${position}, and was asked for at ${earliest}`);
  }

  #gap({ after, offset, reason }: Gap): void {
    const { base } = this.#log;
    const isTrue = reason === 'trimmed' ? offset > (this.at ?? '') && offset <= base : !!this.#log.hole(after);
    if (!isTrue) this.#say(`a gap of ${after} to ${offset} (${reason}) at ${this.at}, base ${base}`);
    this.at = offset;
  }

  #message({ offset, data }: Message): void {
    if (!this.isOpen && !this.#asked.pause) this.#say('a message after the end');
    if (offset === undefined) {
      this.#live.set(data, (this.#live.get(data) ?? 0) + 1);
      return;
    }
    const known = this.#log.known.get(offset);
    if (!known) return this.#say(`${offset} never was`);
    if (known.data !== data) this.#say(`${offset} says ${data} instead of ${known.data}`);
    if (this.at === undefined) this.#begin(known.previous);
    else if (this.#isForgotten && known.previous === this.#log.hole(this.at)?.offset) this.at = known.previous;
    else if (known.previous !== this.at) this.#say(`${offset} at ${this.at}, which comes after ${known.previous}`);
    this.at = offset;
  }

  /** A live-only message has come by the only way there was. */
  owe(data: unknown): void {
    if (this.subscription.state.type === 'subscribed') this.#owed.set(data, (this.#owed.get(data) ?? 0) + 1);
  }

  /** At the end; `told` says how often each live-only message was. */
  close(told: ReadonlyMap<unknown, number>): readonly string[] {
    for (const [data, times] of this.#live) {
      if (times > (told.get(data) ?? 0)) this.#say(`${data} came ${times} times`);
    }
    if (this.isOpen) {
      if (this.at !== this.#log.tail) this.#say(`is at ${this.at} of ${this.#log.tail}`);
      const { offset } = this.subscription;
      if (offset !== this.at) this.#say(`says that it is at ${offset}, and is at ${this.at}`);
      for (const [data, times] of this.#owed) {
        if ((this.#live.get(data) ?? 0) < times) this.#say(`${data} did not come ${times} times`);
      }
    }
    return this.broken;
  }

  /** It asked for a position that a failover has forgotten by then: beside others, who were not there yet, nothing tells it so. */
  get #isForgotten(): boolean {
    return this.at === this.#asked.begin && !!this.#log.hole(this.at);
  }

  /** For people. */
  get #after(): string {
    return JSON.stringify(this.#asked.begin);
  }

  get place(): string {
    const { channel, state, offset } = this.subscription;
    return `${channel} after ${this.#after} ${state.type} at ${this.at} (${offset}) of ${this.#log.tail}`;
  }

  /** It has everything that there is. */
  get isDone(): boolean {
    const { tail, base } = this.#log;
    const { offset } = this.subscription;
    // Who asked for what history holds, and it holds nothing, may be told no position.
    const isEmpty = this.at === undefined && (offset === '-1' || offset === tail) && tail === base;
    return !this.isOpen || this.at === tail || isEmpty || this.#isForgotten;
  }
}
