// One poll: answered from memory or the log at once, or waiting for the first message.

import type { Identity } from '../auth/identity.js';
import type { Broker } from '../broker/broker.js';
import { FanfareError } from '../lib/errors.js';
import type { Due, TimingWheel } from '../lib/timing-wheel.js';
import { type After, type GapEvent, HEADERS, LIMITS, NOW, type PollRequest } from '../protocol/index.js';
import type { PollWaiter } from './audience.js';
import type { Channel } from './channel.js';
import type { ChannelMessage } from './channel-message.js';
import type { HttpCall } from './http-call.js';
import type { HttpClient } from './http-clients.js';
import type { NodeContext } from './node-context.js';
import type { ChannelPart, PollAnswers } from './poll-answer.js';

/** Live-only messages that a waiting poll gathers within one tick. */
const MAX_LIVE = 256;

export interface PollParts {
  readonly context: NodeContext;
  readonly broker: Broker;
  readonly answers: PollAnswers;
  readonly wheel: TimingWheel<PollTask>;
  /** Polls that wait, for drains and counts. */
  readonly waiting: Set<PollTask>;
  /** Has {@link PollTask.flush} called at the end of the tick. */
  schedule(task: PollTask): void;
}

/** States: `deciding`, `waiting`, `done`. Only `done` is final, and it gives back every channel. */
export class PollTask implements PollWaiter, Due {
  readonly #parts: PollParts;
  readonly #call: HttpCall;
  readonly #identity: Identity;
  readonly #request: PollRequest;
  readonly #client: HttpClient;
  #state: 'deciding' | 'waiting' | 'done' = 'deciding';
  #channels: readonly Channel[] = [];
  #slot = 0;
  #scheduled = false;
  #live: Map<string, ChannelMessage[]> | undefined;

  constructor(parts: PollParts, call: HttpCall, identity: Identity, request: PollRequest, client: HttpClient) {
    this.#parts = parts;
    this.#call = call;
    this.#identity = identity;
    this.#request = request;
    this.#client = client;
  }

  start(): void {
    this.#call.exchange.onAbort(() => this.#finish());
    if (this.#request.waitMs === 0) return this.#decide();
    const nowMs = Date.now();
    const { channels } = this.#parts.context;
    this.#slot = this.#parts.wheel.add(this, Math.min(nowMs + this.#request.waitMs, this.#identity.expiresAtMs));
    this.#channels = Array.from(this.#request.channels.keys(), (name) => channels.acquire(name));
    if (this.#client.isExclusive) {
      this.#client.waiting?.supersede();
      this.#client.waiting = this;
    }
    this.#parts.waiting.add(this);
    if (this.#channels.every((channel) => channel.isOpen)) this.#decide();
    else void Promise.all(this.#channels.map((channel) => channel.ready)).then(() => this.#decide());
  }

  message(channel: string, message: ChannelMessage): void {
    if (message.offset === undefined) this.#gather(channel, message);
    this.#wake();
  }

  gap(_gap: GapEvent): void {
    this.#wake();
  }

  /** Something has come for a channel: answer with what there is now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#state === 'waiting') this.#decide();
  }

  /** The wait is over: nothing new, or the ticket has expired. */
  due(nowMs: number): void {
    if (this.#isDone()) return;
    if (this.#identity.expiresAtMs <= nowMs) this.#fail(new FanfareError('token_expired', 'the ticket has expired'));
    else this.#answerEmpty();
  }

  /** A newer poll of the same connection has come. */
  supersede(): void {
    this.#answerEmpty();
  }

  /** The node is being drained. */
  move(): void {
    this.#answerEmpty({ [HEADERS.move]: '1' });
  }

  #decide(): void {
    if (this.#isDone()) return;
    const parts: ChannelPart[] = [];
    const unread: [string, After][] = [];
    for (const [name, after] of this.#request.channels) {
      const channel = this.#parts.context.channels.peek(name);
      if (channel === undefined) unread.push([name, after]);
      else if (after === NOW) parts.push(this.#parts.answers.position(name, channel.position));
      else if (!channel.holds(after)) unread.push([name, after]);
      else parts.push(this.#parts.answers.fromMemory(channel, after, this.#live?.get(name) ?? [], this.#maxBytes()));
    }
    if (unread.length === 0) this.#conclude(parts);
    else void this.#readLog(parts, unread);
  }

  async #readLog(parts: ChannelPart[], unread: readonly [string, After][]): Promise<void> {
    this.#state = 'deciding';
    const { answers, broker } = this.#parts;
    const limit = { maxEntries: 256, maxBytes: this.#maxBytes() };
    try {
      const pages = await Promise.all(unread.map(([name, after]) => broker.read(name, after, limit)));
      if (this.#isDone()) return;
      for (const [index, page] of pages.entries()) {
        const [name, after] = unread[index] as [string, After];
        parts.push(answers.fromLog(name, after, page));
      }
      this.#conclude(parts);
    } catch (error) {
      this.#fail(error);
    }
  }

  #conclude(parts: readonly ChannelPart[]): void {
    const texts = parts.filter((text) => text !== undefined);
    if (texts.length > 0) return this.#answer(texts);
    if (this.#request.waitMs === 0) return this.#answerEmpty();
    if (this.#state === 'deciding') this.#wait();
  }

  #wait(): void {
    this.#state = 'waiting';
    for (const channel of this.#channels) channel.audience.addWaiter(this);
    // While the log was read, a message may have come to a channel that this poll was not waiting on yet.
    if (this.#hasNews()) this.#wake();
  }

  #hasNews(): boolean {
    return this.#channels.some((channel) => {
      const after = this.#request.channels.get(channel.name) as After;
      return channel.isOpen && channel.position > after;
    });
  }

  #answer(texts: readonly string[]): void {
    const body = `{"channels":{${texts.join(',')}}}`;
    // At its end only: a message's data may hold the same text.
    this.#client.hasMore = texts.some((text) => text.endsWith(',"more":true}'));
    this.#finish();
    this.#call.respondJson(body);
  }

  #answerEmpty(headers: Readonly<Record<string, string>> = {}): void {
    if (this.#isDone()) return;
    this.#finish();
    this.#call.respond(204, { 'Cache-Control': 'no-store', ...headers });
  }

  #fail(error: unknown): void {
    if (this.#isDone()) return;
    this.#finish();
    this.#call.fail(error);
  }

  #finish(): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#parts.wheel.remove(this, this.#slot);
    this.#parts.waiting.delete(this);
    if (this.#client.waiting === this) this.#client.waiting = undefined;
    for (const channel of this.#channels) {
      channel.audience.waiters?.delete(this);
      this.#parts.context.channels.release(channel);
    }
  }

  #wake(): void {
    if (this.#scheduled || this.#state !== 'waiting') return;
    this.#scheduled = true;
    this.#parts.schedule(this);
  }

  #gather(channel: string, message: ChannelMessage): void {
    this.#live ??= new Map();
    const gathered = this.#live.get(channel) ?? [];
    if (gathered.length < MAX_LIVE) gathered.push(message);
    this.#live.set(channel, gathered);
  }

  #maxBytes(): number {
    return Math.floor(LIMITS.maxPollAnswerBytes / this.#request.channels.size);
  }

  #isDone(): boolean {
    return this.#state === 'done';
  }
}
