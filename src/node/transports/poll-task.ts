// One poll: answered from memory or the log at once, or waiting for the first message.

import type { Identity } from '../../auth/identity.js';
import type { Broker } from '../../broker/broker.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Due, TimingWheel } from '../../lib/timing-wheel.js';
import { type After, type GapEvent, HEADERS, LIMITS, NOW, type PollRequest } from '../../protocol/index.js';
import type { PollWaiter } from '../channels/audience.js';
import type { Channel } from '../channels/channel.js';
import type { OpenWaiter } from '../channels/channel-log.js';
import type { ChannelMessage } from '../channels/message.js';
import type { FollowUp, HttpClient } from '../clients/http-clients.js';
import type { NodeContext } from '../node-context.js';
import type { HttpCall } from './call.js';
import type { ChannelPart, PollAnswers } from './poll-answer.js';

/** Live-only messages that a waiting poll gathers within one tick. */
const MAX_LIVE = { messages: 256, bytes: LIMITS.maxPollAnswerBytes } as const;

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

/**
 * States: `looking` (at what is in memory), `reading` (channels are opened or the log is read), `waiting` (there was nothing),
 * `done`. Only `done` is final, and it gives back every channel.
 */
export class PollTask implements PollWaiter, Due {
  readonly #parts: PollParts;
  readonly #call: HttpCall;
  readonly #identity: Identity;
  readonly #request: PollRequest;
  readonly #client: HttpClient;
  #state: 'looking' | 'reading' | 'waiting' | 'done' = 'looking';
  readonly #channels: Channel[] = [];
  /** Undo the wait for channels that are not open yet. */
  #stopWaiting: readonly (() => void)[] | undefined;
  #slot = 0;
  #scheduled = false;
  /** Something came while the log was read. */
  #woken = false;
  #live: Map<string, ChannelMessage[]> | undefined;
  #liveMessages = 0;
  #liveBytes = 0;

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
    const { channels } = this.#parts.context;
    const waitMs = Math.min(this.#request.waitMs, this.#identity.expiresAtMs - Date.now());
    this.#slot = this.#parts.wheel.add(this, monotonicNowMs() + waitMs);
    try {
      for (const name of this.#request.channels.keys()) this.#channels.push(channels.acquire(name));
    } catch (error) {
      return this.#fail(error);
    }
    if (this.#client.isExclusive) {
      this.#client.waiting?.supersede();
      this.#client.waiting = this;
    }
    this.#parts.waiting.add(this);
    this.#decide();
    if (this.#isOpening()) this.#decideWhenOpen();
  }

  #decideWhenOpen(): void {
    const waiter: OpenWaiter = (outcome) => {
      if (typeof outcome !== 'boolean') this.#answerOrFail(this.#look([]), outcome);
      else if (!this.#isOpening()) this.#decide();
    };
    const opening = this.#channels.filter((channel) => !channel.isOpen);
    this.#stopWaiting = opening.map((channel) => channel.whenOpen(waiter));
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

  /** The wait is over: nothing new, or nothing known, or the ticket has expired. */
  due(): void {
    if (this.#isDone()) return;
    const texts = this.#look([]);
    if (this.#identity.expiresAtMs <= Date.now())
      this.#fail(new FanfareError('token_expired', 'the ticket has expired'));
    else if (texts.length > 0) this.#answer(texts);
    else if (this.#isOpening()) this.#fail(new FanfareError('broker_unavailable', NOT_OPEN, { retryAfterMs: 1_000 }));
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
    this.#woken = false;
    const unread: [string, After][] = [];
    const texts = this.#look(unread);
    if (unread.length === 0) return this.#conclude(texts);
    // While the broker is away, what there is does not wait for what cannot be read.
    if (texts.length > 0 && !this.#parts.broker.status().ready) return this.#answer(texts);
    this.#state = 'reading';
    this.#listen();
    if (!this.#isOpening()) void this.#readLog(texts, unread);
  }

  /** What is in memory, live-only messages with it; channels of which memory cannot tell go to `unread`. */
  #look(unread: [string, After][]): string[] {
    const texts: ChannelPart[] = [];
    const { answers, context } = this.#parts;
    for (const [name, after] of this.#request.channels) {
      const channel = context.channels.peek(name);
      if (channel === undefined) unread.push([name, after]);
      else if (after === NOW) texts.push(answers.position(name, channel.position));
      else if (!channel.holds(after)) unread.push([name, after]);
      else texts.push(answers.fromMemory(channel, after, this.#live?.get(name) ?? [], this.#maxBytes()));
    }
    return texts.filter((text) => text !== undefined);
  }

  async #readLog(texts: readonly string[], unread: readonly [string, After][]): Promise<void> {
    const { answers, context } = this.#parts;
    const limit = { maxEntries: 256, maxBytes: this.#maxBytes() };
    try {
      const isOver = () => this.#isDone();
      const pages = await Promise.all(unread.map(([name, after]) => context.channels.read(name, after, limit, isOver)));
      const read = pages.map((page, index) => {
        if (page === undefined) return undefined;
        const [name, after] = unread[index] as [string, After];
        void context.channels.peek(name)?.meet(page);
        return answers.fromLog(name, after, page, this.#live?.get(name) ?? []);
      });
      if (!this.#isDone()) this.#conclude([...texts, ...read.filter((text) => text !== undefined)]);
    } catch (error) {
      this.#answerOrFail(texts, error);
    }
  }

  /** What there is does not wait for what cannot be read. */
  #answerOrFail(texts: readonly string[], error: unknown): void {
    if (texts.length > 0 && !this.#isDone()) this.#answer(texts);
    else this.#fail(error);
  }

  #conclude(texts: readonly string[]): void {
    if (texts.length > 0) return this.#answer(texts);
    if (this.#request.waitMs === 0) return this.#answerEmpty();
    this.#state = 'waiting';
    this.#listen();
    if (this.#woken) this.#wake();
  }

  /** From now on what comes is heard. Idempotent. */
  #listen(): void {
    for (const channel of this.#channels) channel.audience.addWaiter(this);
  }

  /** Whether a channel's position is not known yet. Never of a short poll, which opens none. */
  #isOpening(): boolean {
    return !this.#isDone() && this.#channels.some((channel) => !channel.isOpen);
  }

  #answer(texts: readonly string[]): void {
    const body = `{"channels":{${texts.join(',')}}}`;
    this.#client.more = followUp(texts);
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
    if (this.#stopWaiting !== undefined) for (const stop of this.#stopWaiting) stop();
    for (const channel of this.#channels) {
      channel.audience.waiters?.delete(this);
      this.#parts.context.channels.release(channel);
    }
  }

  #wake(): void {
    this.#woken = true;
    if (this.#scheduled || this.#state !== 'waiting') return;
    this.#scheduled = true;
    this.#parts.schedule(this);
  }

  #gather(channel: string, message: ChannelMessage): void {
    if (this.#liveMessages === MAX_LIVE.messages || this.#liveBytes > MAX_LIVE.bytes) return;
    this.#liveMessages++;
    this.#liveBytes += message.pollBytes;
    this.#live ??= new Map();
    const gathered = this.#live.get(channel);
    if (gathered === undefined) this.#live.set(channel, [message]);
    else gathered.push(message);
  }

  #maxBytes(): number {
    return Math.floor(LIMITS.maxPollAnswerBytes / this.#request.channels.size);
  }

  #isDone(): boolean {
    return this.#state === 'done';
  }
}

const NOT_OPEN = 'the position of a channel cannot be read now';

/** The position at which a channel goes on that has more. */
function followUp(texts: readonly string[]): FollowUp | undefined {
  // At its end only: a message's data may hold the same text.
  const text = texts.find((part) => part.endsWith(',"more":true}'));
  // `"name":{"offset":"…`
  const [, channel, , , , offset] = text?.split('"', 6) ?? [];
  return channel === undefined || offset === undefined ? undefined : { channel, offset };
}
