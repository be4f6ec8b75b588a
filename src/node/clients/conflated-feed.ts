// Feeds one link with a channel's messages as they come; where they have to wait, with the newest of each kind.

import type { GapEvent, Offset, ServerEvent } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { FedListener } from '../channels/fed.js';
import type { ChannelMessage } from '../channels/message.js';
import { type KeptMessage, Newest } from '../channels/newest.js';
import type { Feed, FeedParts } from './feed.js';
import { Gate } from './gate.js';

export interface ConflatedFeedParts extends FeedParts {
  readonly conflateBy: string;
}

/** Looked at for how many wait: more than any limit lets pass at once. */
const MANY = 10_000;

/**
 * States: `replaying` (a follower writes to it), `live`, `ended`. What waits is kept by the channel for all; what was replayed and
 * waits, here. Behind {@link #sentUpTo} everything has been sent or left out.
 */
export class ConflatedFeed implements Feed, FedListener {
  readonly #channel: Channel;
  readonly #parts: ConflatedFeedParts;
  readonly #gate: Gate;
  #state: 'replaying' | 'live' | 'ended' = 'replaying';
  /** What was replayed, while some of that waits. */
  #backlog: Newest | undefined;
  /** The channel's, once live. */
  #newest: Newest | undefined;
  /** In the backlog's count, and once that is sent in the channel's. */
  #sentUpTo = 0;
  /** The channel's count where the backlog ends. */
  #joinedAt = 0;
  #position: Offset = '';
  /** Since it was last on time, something was left out and its client told so. */
  #isTold = false;

  constructor(channel: Channel, parts: ConflatedFeedParts) {
    this.#channel = channel;
    this.#parts = parts;
    this.#gate = new Gate(parts);
  }

  get position(): Offset {
    return this.#position;
  }

  // What a follower writes to.

  sendEvent(event: ServerEvent): void {
    if (event.type === 'subscribed') this.#position = event.offset;
    if (event.type !== 'gap') return this.#parts.sink.sendEvent(event);
    this.#sendAll();
    this.#parts.sink.sendEvent(event);
    this.#position = event.offset;
  }

  sendMessage(message: ChannelMessage): void {
    if (this.#backlog === undefined && this.#gate.isOpen()) return this.#pass(message);
    this.#backlog ??= new Newest(this.#parts.conflateBy, this.#position, this.#parts.held);
    this.#backlog.add(message);
    this.#wait();
  }

  cork(write: () => void): void {
    this.#parts.sink.cork(write);
  }

  /** What waits is bounded by itself. */
  bufferedBytes(): number {
    return 0;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  // Live.

  goLive(): void {
    if (this.#state === 'ended') return;
    this.#state = 'live';
    const { audience, position } = this.#channel;
    audience.addFed(this);
    this.#newest = audience.newest(this.#parts.conflateBy, position);
    this.#joinedAt = this.#newest.number;
    if (this.#backlog === undefined) this.#sentUpTo = this.#joinedAt;
  }

  message(message: ChannelMessage): void {
    if (this.#gate.isAwaited) return;
    const isOnTime = this.#backlog === undefined && this.#newest?.number === this.#sentUpTo + (message.offset ? 1 : 0);
    // What is in no log and has to wait is dropped.
    if (!isOnTime || !this.#gate.isOpen()) return message.offset === undefined ? undefined : this.#wait();
    this.#pass(message);
    if (message.offset !== undefined) this.#sentUpTo++;
  }

  gap(gap: GapEvent): void {
    this.#sendAll();
    this.#parts.sink.sendEvent(gap);
    this.#position = gap.offset;
  }

  end(): void {
    if (this.#state === 'live') this.#channel.audience.removeFed(this);
    this.#state = 'ended';
    this.#dropBacklog();
    this.#gate.close();
  }

  /** Without a hole before it. */
  #pass(message: ChannelMessage): void {
    this.#gate.pass();
    this.#parts.sink.sendMessage(message);
    this.#position = message.offset ?? this.#position;
  }

  #wait(): void {
    // Asked for each message of each such link.
    if (!this.#gate.isAwaited) this.#gate.opens(this.#waiting(), () => this.#goOn());
  }

  #waiting(): number {
    const inBacklog = this.#backlog?.countAfter(this.#sentUpTo, MANY) ?? 0;
    return inBacklog + (this.#newest?.countAfter(this.#liveFrom(), MANY) ?? 0);
  }

  /** All that waits, or as much as may pass at once: a part of it, again and again, would always be the same part. */
  #goOn(): void {
    if (this.#state === 'ended') return;
    if (!this.#gate.isOpen(this.#waiting())) return this.#wait();
    let next = this.#next();
    this.#parts.sink.cork(() => {
      for (; next !== undefined && this.#gate.isOpen(); next = this.#next()) {
        this.#gate.pass();
        this.#send(next);
      }
    });
    if (next === undefined) this.#isTold = false;
    else this.#wait();
  }

  /** Whatever the limits say: what follows is behind a gap. */
  #sendAll(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#send(next);
    this.#isTold = false;
  }

  /** The next to be sent; the backlog ends with its last. */
  #next(): KeptMessage | undefined {
    for (;;) {
      const next = this.#backlog?.after(this.#sentUpTo);
      if (next === undefined) break;
      if (!this.#newest?.hasNewer(next.kind, this.#joinedAt)) return next;
      next.isNewest = false;
    }
    const next = this.#newest?.after(this.#liveFrom());
    if (next === undefined) this.#endBacklog();
    return next;
  }

  #liveFrom(): number {
    return this.#backlog === undefined ? this.#sentUpTo : this.#joinedAt;
  }

  #send(kept: KeptMessage): void {
    const { sink, isAsked } = this.#parts;
    const skipped = this.#countTo(kept);
    if (skipped > 0 && !isAsked && !this.#isTold) {
      const hole = { after: this.#position, offset: kept.previous, reason: 'conflated' } as const;
      this.#channel.audience.countGap(hole.reason, 1);
      sink.sendEvent({ type: 'gap', channel: this.#channel.name, ...hole });
      this.#isTold = true;
    }
    sink.sendMessage(skipped === 0 ? kept.message : kept.message.withSkipped(skipped));
    this.#position = kept.message.offset ?? this.#position;
  }

  /** How many were left out before it; from here on it is the last that was sent. */
  #countTo({ number }: KeptMessage): number {
    let skipped = number - this.#sentUpTo - 1;
    if (this.#backlog !== undefined && this.#backlog.after(this.#sentUpTo) === undefined) {
      skipped = this.#backlog.number - this.#sentUpTo + (number - this.#joinedAt - 1);
      this.#dropBacklog();
    }
    this.#sentUpTo = number;
    return skipped;
  }

  /** Nothing waits. */
  #endBacklog(): void {
    if (this.#backlog === undefined) return;
    this.#dropBacklog();
    this.#sentUpTo = this.#joinedAt;
  }

  #dropBacklog(): void {
    this.#backlog?.release();
    this.#backlog = undefined;
  }
}
