// One poll: it looks, waits where there is nothing, and writes what it found.

import { endsAtMs, type Identity } from '../../auth/identity.js';
import type { BrokerStatus } from '../../broker/broker.js';
import { type Ending, endedError } from '../../cluster/revocation-ending.js';
import { FanfareError } from '../../lib/errors.js';
import { BYTES_PER_UNIT } from '../../limits/byte-price.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import type { Code, PollRequest } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import type { Channels } from '../channels/channels.js';
import type { FeedRules } from '../clients/feed-rules.js';
import type { HttpClient } from '../clients/http-clients.js';
import type { Lifecycle } from '../lifecycle.js';
import type { Entrant } from './entry.js';
import { PollBill, type PollBillParts } from './poll-bill.js';
import { type Look, lookInLogs, lookInMemory, nameOf, type Unread } from './poll-look.js';
import type { PollPlace, PollPlaces } from './poll-places.js';
import { PollWait, type WaitingRoom, type WaitOwner } from './poll-wait.js';
import type { AnswerPart, AnswerWriter, PollAnswer, PollCall } from './poll-write.js';

/** What is alike in all polls of one kind. */
export interface PollManner {
  /** One that waits ends the one before of the same client. */
  readonly replaces: boolean;
  /** A channel that nothing was published on yet is given a position. */
  readonly opens: boolean;
  /** While it waits it hears of what no log keeps, too. */
  readonly hearsLive: boolean;
  /** An answer without messages says that nothing is behind its position. */
  readonly saysTail: boolean;
}

export interface PollParts<P extends AnswerPart = AnswerPart> extends PollBillParts {
  readonly channels: Channels;
  readonly room: WaitingRoom;
  readonly places: Pick<PollPlaces, 'take' | 'giveBack'>;
  readonly manner: PollManner;
  readonly writer: AnswerWriter<P>;
  /** Messages in all answers. */
  readonly counts: { delivered: number };
  readonly brokerStatus: () => BrokerStatus;
  /** Where clients are to go to other nodes, every poll is answered at once and says so. */
  readonly lifecycle: Pick<Lifecycle, 'isMoving'>;
  readonly door: Pick<Admission, 'requireGood' | 'nowMs'>;
  readonly feeds: Pick<FeedRules, 'ofPoll'>;
}

/** Who polls, and for what. */
export type PollEntrant = Pick<Entrant<PollRequest>, 'identity' | 'request' | 'client' | 'keys' | 'paid'>;

const NO_PARTS: readonly never[] = [];
const NOT_OPEN = 'the position of a channel cannot be read now';
/** Chosen: how long what one channel has waits for another that is being opened or read; both are mostly a matter of milliseconds. */
const PATIENCE_MS = 250;

/**
 * States: `looking` (at what is in memory), `reading` (the log, or channels are being opened), `resting` (there was nothing),
 * `done`. Only `done` is final, and it gives back every channel.
 */
export class PollTask<P extends AnswerPart = AnswerPart> implements WaitOwner {
  readonly #parts: PollParts<P>;
  readonly #call: PollCall;
  readonly #identity: Identity;
  #request: PollRequest;
  readonly #client: HttpClient;
  /** By which limits count it. */
  readonly #keys: SubjectKeys;
  /** Channels of which it wants the newest only. */
  readonly #conflated: ReadonlyMap<string, string> | undefined;
  #state: 'looking' | 'reading' | 'resting' | 'done' = 'looking';
  /** None of a short poll. */
  #wait: PollWait | undefined;
  /** Something was found that does not wait for long. */
  #isHurried = false;
  #place: PollPlace | undefined;
  readonly #bill: PollBill;

  constructor(parts: PollParts<P>, call: PollCall, { identity, request, client, keys, paid }: PollEntrant) {
    this.#parts = parts;
    this.#call = call;
    this.#keys = keys;
    this.#conflated = parts.feeds.ofPoll(request.paces);
    this.#identity = identity;
    this.#request = request;
    this.#client = client;
    this.#bill = new PollBill(parts, keys, paid);
  }

  start(): void {
    this.#call.exchange.onAbort(() => this.#finish());
    if (this.#request.waitMs === 0 || this.#parts.lifecycle.isMoving) return this.#decide();
    // The one that it replaces makes room for it.
    const replaces = this.#client.isExclusive && this.#parts.manner.replaces;
    if (replaces) this.#client.waiting?.supersede();
    const wait = new PollWait(this.#parts.room, this.#parts.channels, this, this.#parts.manner.hearsLive);
    try {
      this.#place = this.#parts.places.take(this.#identity, this.#keys, this.#client, this);
      this.#wait = wait;
      const waitMs = Math.min(this.#request.waitMs, endsAtMs(this.#identity) - Date.now());
      wait.begin(this.#request.channels, waitMs);
    } catch (error) {
      return this.#fail(error);
    }
    if (replaces) this.#client.waiting = this;
    this.#decide();
    if (this.#isOpening()) this.#decideWhenOpen(wait);
  }

  woken(): void {
    if (this.#state === 'resting') this.#decide();
    else if (!this.#isHurried && this.#look().found.length > 0) this.#hurry();
  }

  /** Nothing new, or nothing known, or the ticket has expired. */
  expired(): void {
    if (this.#isDone()) return;
    const parts = this.#inMemory();
    if (endsAtMs(this.#identity) <= Date.now()) this.#fail(new FanfareError('token_expired', 'the ticket has expired'));
    else if (parts.length > 0) this.#answer(parts);
    else if (this.#isUnknown()) this.#fail(new FanfareError('broker_unavailable', NOT_OPEN, { retryAfterMs: 1_000 }));
    else this.#answerEmpty();
  }

  /** A newer poll of the same connection has come. */
  supersede(): void {
    this.#answerEmpty();
  }

  /** The node is being drained. */
  move(): void {
    this.#answerEmpty(true);
  }

  /** Its user has too many links elsewhere. */
  end(code: Code, reason: string, retryAfterMs?: number): void {
    this.#fail(new FanfareError(code, reason, retryAfterMs === undefined ? {} : { retryAfterMs }));
  }

  endFor(ending: Ending): void {
    const code = ending.of(this.#identity);
    if (code !== undefined) this.#fail(endedError(code));
  }

  #decideWhenOpen(wait: PollWait): void {
    wait.whenOpen((outcome) => {
      if (typeof outcome !== 'boolean') this.#answerOrFail(this.#inMemory(), outcome);
      else if (!this.#isOpening()) this.#decide();
    });
  }

  #decide(): void {
    if (this.#isDone()) return;
    this.#wait?.look();
    if (this.#isAlike()) return;
    const { found, unread } = this.#look();
    const write = () => this.#parts.writer.parts(found, this.#conflated);
    if (unread.length === 0) return this.#conclude(write());
    // While the broker is away, what there is does not wait for what cannot be read.
    if (found.length > 0 && !this.#parts.brokerStatus().ready) return this.#answer(write());
    this.#state = 'reading';
    this.#wait?.rest();
    if (found.length > 0) this.#hurry();
    if (!this.#isOpening()) void this.#read(unread);
  }

  /** Decides at once where one channel is asked for that has nothing new, or what others have been answered already. */
  #isAlike(): boolean {
    const { channels } = this.#request;
    if (channels.size > 1 || this.#wait?.live !== undefined || this.#conflated !== undefined) return false;
    for (const [name, after] of channels) {
      const channel = (this.#wait ?? this.#parts.channels).openAt(name, 0);
      if (channel === undefined || typeof after !== 'string') return false;
      const hasNews = after !== channel.position;
      const answer = hasNews ? this.#parts.writer.known(channel, after, this.#maxBytes()) : undefined;
      if (hasNews && answer === undefined) return false;
      if (answer === undefined) this.#conclude(NO_PARTS);
      else this.#give(answer);
    }
    return true;
  }

  /** What there is waits no longer for channels that may not be opened or read for long. */
  #hurry(): void {
    this.#isHurried = true;
    this.#wait?.endWithin(PATIENCE_MS);
  }

  #inMemory(): readonly P[] {
    return this.#parts.writer.parts(this.#look().found, this.#conflated);
  }

  #look(): Look {
    const channels = this.#wait ?? this.#parts.channels;
    return lookInMemory(this.#request.channels, channels, this.#wait?.live, this.#maxBytes());
  }

  /** Looks in the logs, and then in memory for the others: what was there before may have been deleted since. */
  async #read(unread: readonly Unread[]): Promise<void> {
    try {
      const terms = { maxBytes: this.#maxBytes(), opens: this.#parts.manner.opens, isOver: () => this.#isDone() };
      const read = await lookInLogs(unread, this.#parts.channels, this.#wait, terms);
      // Whether or not there is somebody left to be answered.
      this.#bill.chargeRead(read);
      if (this.#isRevoked()) return;
      if (this.#isDone()) return;
      const names = new Set(unread.map(([name]) => name));
      const others = this.#look().found.filter((finding) => !names.has(nameOf(finding)));
      this.#conclude(this.#parts.writer.parts([...others, ...read], this.#conflated));
    } catch (error) {
      // Meanwhile something may have come.
      this.#answerOrFail(this.#inMemory(), error);
    }
  }

  /** A read takes its time, and a short poll waits nowhere where it could be found. */
  #isRevoked(): boolean {
    try {
      this.#parts.door.requireGood(this.#identity);
      return false;
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  /** What there is does not wait for what cannot be read. */
  #answerOrFail(parts: readonly P[], error: unknown): void {
    if (parts.length > 0 && !this.#isDone()) this.#answer(parts);
    else this.#fail(error);
  }

  #conclude(parts: readonly P[]): void {
    const positions = this.#wait === undefined ? undefined : this.#parts.writer.waitsFrom?.(parts);
    if (positions !== undefined) {
      this.#request = { ...this.#request, channels: positions };
      return this.#decide();
    }
    if (parts.length > 0) return this.#answer(parts);
    if (this.#wait === undefined) return this.#answerEmpty();
    this.#state = 'resting';
    this.#wait.rest();
  }

  /** Whether there may be news that have not been read, where the answer says that there are none. */
  #isUnknown(): boolean {
    return this.#isOpening() || (this.#state === 'reading' && this.#parts.manner.saysTail);
  }

  /** Whether a channel's position is not known yet. Never of a short poll, which opens none. */
  #isOpening(): boolean {
    return !this.#isDone() && this.#wait?.isOpening === true;
  }

  #answer(parts: readonly P[]): void {
    this.#give(this.#parts.writer.answerOf(parts));
  }

  #give(answer: PollAnswer): void {
    const { writer, counts, lifecycle, channels } = this.#parts;
    counts.delivered += answer.messages;
    for (const reason of answer.gaps ?? []) channels.counters[`gaps.${reason}`]++;
    // Going on is free, but not in small steps of the client's own choice.
    const bytes = Math.max(this.#request.maxBytes, answer.body.length);
    this.#client.more = bytes >= BYTES_PER_UNIT ? answer.more : undefined;
    this.#bill.charge(answer.body.length);
    this.#finish();
    writer.give(this.#call, answer, lifecycle.isMoving);
  }

  #answerEmpty(isMoving = this.#parts.lifecycle.isMoving): void {
    if (this.#isDone()) return;
    this.#finish();
    this.#parts.writer.giveNothing(this.#call, isMoving);
  }

  #fail(error: unknown): void {
    if (this.#isDone()) return;
    this.#finish();
    this.#call.fail(error);
  }

  #finish(): void {
    if (this.#isDone()) return;
    this.#state = 'done';
    this.#wait?.end();
    if (this.#place !== undefined) this.#parts.places.giveBack(this.#place);
    if (this.#client.waiting === this) this.#client.waiting = undefined;
  }

  #maxBytes(): number {
    const { maxBytes, channels } = this.#request;
    return Math.max(1, Math.floor(maxBytes / channels.size));
  }

  #isDone(): boolean {
    return this.#state === 'done';
  }
}
