// The wait of a poll: it holds its channels, hears what comes, and ends in time; and the room in which all of them wait.

import type { Ending } from '../../cluster/revocation-ending.js';
import { Attempts } from '../../lib/attempts.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { soon, tellFault } from '../../lib/timers.js';
import { type Due, TimingWheel } from '../../lib/timing-wheel.js';
import { type Begin, type GapEvent, isOffset, LIMITS, NOW } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { OpenWaiter } from '../channels/channel-log.js';
import type { Channels } from '../channels/channels.js';
import type { ChannelMessage } from '../channels/message.js';
import type { PollWaiter, WaitersPlace } from '../channels/waiters.js';
import type { LiveMessages, OpenChannels } from './poll-look.js';

const TICK_MS = 25;
/** Chosen: so many are answered in one turn of the event loop, some milliseconds; who asks meanwhile, or has a socket, comes in between. */
const MAX_PER_TURN = 256;
/** Live-only messages that a waiting poll gathers within one tick. */
const MAX_LIVE = { messages: 256, bytes: LIMITS.maxPollAnswerBytes } as const;

/** Replaced, never filled. */
const NO_CHANNELS: Channel[] = [];

/** The poll that waits. */
export interface WaitOwner {
  /** Something has come, and a turn has passed in which more could come. */
  woken(): void;
  /** The time is over. */
  expired(): void;
  /** The client is to go to another node. */
  move(): void;
  /** Tokens have been revoked, or users disconnected. */
  endFor(ending: Ending): void;
}

/** Owns the timer of every poll that waits. */
export class WaitingRoom {
  readonly #wheel = new TimingWheel<PollWait>(TICK_MS);
  /** Those that are woken, and how many of them have been in this round. */
  #woken: PollWait[] = [];
  #flushed = 0;

  get size(): number {
    return this.#wheel.size;
  }

  /** Begins a wait, or gives it another end. */
  enter(wait: PollWait, deadlineMs: number): void {
    this.#wheel.add(wait, deadlineMs);
  }

  leave(wait: PollWait): void {
    this.#wheel.remove(wait);
  }

  /** Has {@link PollWait.flush} called at the end of the turn, or of one of the next where many are. */
  schedule(wait: PollWait): void {
    if (this.#woken.push(wait) === 1) soon(() => this.#flush());
  }

  moveAll(): void {
    for (const wait of [...this.#wheel]) wait.move();
  }

  /** Throws where some could not be ended, once all others have. */
  end(ending: Ending): void {
    const attempts = new Attempts();
    for (const wait of [...this.#wheel]) attempts.run(() => wait.endFor(ending));
    attempts.end('polls could not be ended');
  }

  close(): void {
    this.moveAll();
    this.#wheel.close();
  }

  #flush(): void {
    const end = Math.min(this.#woken.length, this.#flushed + MAX_PER_TURN);
    while (this.#flushed < end) {
      try {
        this.#woken[this.#flushed++]?.flush();
      } catch (error) {
        tellFault(error);
      }
    }
    if (end < this.#woken.length) return void soon(() => this.#flush());
    this.#woken = [];
    this.#flushed = 0;
  }
}

/** Begun once; {@link end} gives back every channel. */
export class PollWait implements PollWaiter, OpenChannels, Due {
  readonly #room: WaitingRoom;
  readonly #manager: Channels;
  readonly #owner: WaitOwner;
  readonly #hearsLive: boolean;
  #channels: Channel[] = NO_CHANNELS;
  /** Where it stands among those that wait on each of them; none while it listens to none. */
  #places: readonly WaitersPlace[] | undefined;
  slot = -1;
  place = 0;
  /** By the monotonic clock. */
  #deadlineMs = 0;
  /** Undo the wait for channels that are not open yet. */
  #stopOpening: readonly (() => void)[] | undefined;
  /** The owner is to be woken by what comes. */
  #isResting = false;
  /** Something came since the owner looked. */
  #isWoken = false;
  #isScheduled = false;
  #live: Map<string, ChannelMessage[]> | undefined;
  #liveMessages = 0;
  #liveBytes = 0;

  /** `hearsLive`: what no log keeps wakes the owner too. */
  constructor(room: WaitingRoom, channels: Channels, owner: WaitOwner, hearsLive = true) {
    this.#room = room;
    this.#manager = channels;
    this.#owner = owner;
    this.#hearsLive = hearsLive;
  }

  /** Opens the channels, each to be read from where it was asked for. Throws `overloaded` when the node has no room for one of them: {@link end} it then. */
  begin(asked: Iterable<readonly [name: string, after: Begin]>, waitMs: number): void {
    this.#deadlineMs = monotonicNowMs() + waitMs;
    this.#room.enter(this, this.#deadlineMs);
    for (const [name, after] of asked) {
      // What is opened from there is found in memory; where others begin, the log is asked again.
      const channel = this.#manager.acquire(name, isOffset(after) ? after : NOW);
      channel.memory.keep();
      // Nearly all have one: an array that grows has room for seventeen.
      if (this.#channels.length === 0) this.#channels = [channel];
      else this.#channels.push(channel);
    }
  }

  openAt(_name: string, index: number): Channel | undefined {
    const channel = this.#channels[index];
    return channel?.isOpen ? channel : undefined;
  }

  /** Whether a channel's position is not known yet. */
  get isOpening(): boolean {
    return this.#channels.some((channel) => !channel.isOpen);
  }

  /** Has `waiter` told of each channel that is not open yet. */
  whenOpen(waiter: OpenWaiter): void {
    const opening = this.#channels.filter((channel) => !channel.isOpen);
    this.#stopOpening = opening.map((channel) => channel.whenOpen(waiter));
  }

  /** Ends the wait in time, if that is sooner. */
  endWithin(ms: number): void {
    const deadlineMs = monotonicNowMs() + ms;
    if (deadlineMs >= this.#deadlineMs) return;
    this.#deadlineMs = deadlineMs;
    this.#room.enter(this, deadlineMs);
  }

  /** What came that no log keeps. */
  get live(): LiveMessages | undefined {
    return this.#live;
  }

  /** The owner looks now: what came before is seen. */
  look(): void {
    this.#isWoken = false;
    this.#isResting = false;
  }

  /** What has come since the owner looked, or comes, wakes it. */
  rest(): void {
    this.#listen();
    this.#isResting = true;
    if (this.#isWoken) this.#wake();
  }

  message(channel: string, message: ChannelMessage): void {
    if (message.offset === undefined) {
      if (!this.#hearsLive) return;
      this.#gather(channel, message);
    }
    this.#wake();
  }

  gap(_gap: GapEvent): void {
    this.#wake();
  }

  /** Called by its room. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#isResting) this.#owner.woken();
  }

  due(): void {
    this.#owner.expired();
  }

  move(): void {
    this.#owner.move();
  }

  endFor(ending: Ending): void {
    this.#owner.endFor(ending);
  }

  /** Idempotent. */
  end(): void {
    this.#isResting = false;
    this.#room.leave(this);
    if (this.#stopOpening !== undefined) for (const stop of this.#stopOpening) stop();
    this.#stopOpening = undefined;
    const channels = this.#channels;
    const places = this.#places;
    this.#channels = NO_CHANNELS;
    this.#places = undefined;
    for (let index = 0; index < channels.length; index++) {
      const channel = channels[index];
      const place = places?.[index];
      if (place !== undefined) channel?.audience.removeWaiter(place);
      if (channel !== undefined) this.#manager.release(channel);
    }
  }

  #listen(): void {
    this.#places ??= this.#channels.map((channel) => channel.audience.addWaiter(this));
  }

  #wake(): void {
    this.#isWoken = true;
    if (this.#isScheduled || !this.#isResting) return;
    this.#isScheduled = true;
    this.#room.schedule(this);
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
}
