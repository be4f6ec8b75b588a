// One link's subscription to a channel: from the position that it asked for, through what it missed, to live.

import type { Slices } from '../../lib/slices.js';
import type { Turns } from '../../lib/turns.js';
import { type Begin, NOW, type Offset } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { Feed } from './feed.js';
import { Follower, type FollowerSink } from './follower.js';

/** A link that a subscription delivers to: a WebSocket or a stream. */
export interface Sink extends FollowerSink {
  /** From now on the channel's audience includes this link. */
  join(channel: Channel): void;
  leave(channel: Channel): void;
}

/** What is known of a replay only while there is one: a link that reads nothing keeps none of it. */
export interface ReplayTerms {
  /** Bounds how many subscriptions of the link read the log at once. */
  readonly turns: Turns;
  /** Of the event loop: those who come back at once are served in them. */
  readonly slices: Slices;
  /** How far it runs ahead of its link. */
  readonly aheadBytes: number;
  /** Hears of what is read for it. */
  readonly charge: (bytes: number) => void;
}

interface Beginning {
  /** Resolves when it is live or has ended. */
  settled?: Promise<void>;
  /** Ends the wait for the channel to open. */
  stopWaiting?: (() => void) | undefined;
}

/** States: `pending` (reading what was missed), `live` (part of the channel's audience), `ended`. */
export class Subscription {
  readonly channel: Channel;
  readonly #sink: Sink;
  /** Between the channel and the sink, where that is not sent everything at once. */
  readonly #feed: Feed | undefined;
  #state: 'pending' | 'live' | 'ended' = 'pending';
  /** While it is pending and has not begun at once. */
  #beginning: Beginning | undefined;

  constructor(channel: Channel, sink: Sink, feed?: Feed) {
    this.channel = channel;
    this.#sink = sink;
    this.#feed = feed;
  }

  /** Whether it may have been sent less than its channel delivered. */
  get isFed(): boolean {
    return this.#feed !== undefined;
  }

  /** The channel's. */
  get name(): string {
    return this.channel.name;
  }

  /** While it is pending: resolves when it is live or has ended. */
  get settled(): Promise<void> | undefined {
    return this.#beginning?.settled;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Behind what its link was sent, once it is live: what waits for limits comes after it. */
  get position(): Offset {
    return this.#feed?.position ?? this.channel.position;
  }

  /** Announces `subscribed` and goes live, where the channel is open and nothing was missed; else nothing is done. */
  beginsAtOnce(after: Begin, id: number | undefined): boolean {
    const { channel } = this;
    if (!channel.isOpen || (after !== NOW && after !== channel.position)) return false;
    this.#announce(channel.position, true, id);
    this.#goLive();
    return true;
  }

  /**
   * Announces `subscribed`, replays, goes live. Resolves when live or ended; rejects with `internal` where the log cannot be
   * read.
   */
  async begin(after: Begin, id: number | undefined, terms: ReplayTerms): Promise<void> {
    const beginning: Beginning = {};
    this.#beginning = beginning;
    try {
      beginning.settled = this.#catchUp(beginning, after, id, terms);
      await beginning.settled;
    } finally {
      this.#beginning = undefined;
    }
  }

  /** Ends it, whatever its state. Idempotent. */
  end(): void {
    if (this.#feed !== undefined) this.#feed.end();
    else if (this.#state === 'live') this.#sink.leave(this.channel);
    this.#state = 'ended';
    this.#beginning?.stopWaiting?.();
  }

  async #catchUp(beginning: Beginning, after: Begin, id: number | undefined, terms: ReplayTerms): Promise<void> {
    if (!this.channel.isOpen) {
      if (!(await this.#opened(beginning))) return;
      // Many may have waited. Who has to read waits later: what the channel was opened with is offered in this turn alone.
      if (this.#isHere(after) && !terms.slices.hasTime()) await terms.slices.turn();
    }
    if (this.#isEnded()) return;
    const follower = new Follower({
      channel: this.channel,
      sink: this.#feed ?? this.#sink,
      ...terms,
      isOver: () => this.#isEnded(),
    });
    await follower.follow(
      after,
      (start, recovered) => this.#announce(start, recovered, id),
      () => this.#goLive(),
    );
  }

  #isHere(after: Begin): boolean {
    return after === NOW || (typeof after === 'string' && this.channel.holds(after));
  }

  /** Whether the channel is open, once that is known; `false` as soon as the subscription ends. */
  #opened(beginning: Beginning): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const undo = this.channel.whenOpen((outcome) => {
        beginning.stopWaiting = undefined;
        if (typeof outcome === 'boolean') resolve(outcome);
        else reject(outcome);
      });
      beginning.stopWaiting = () => {
        undo();
        resolve(false);
      };
    });
  }

  #isEnded(): boolean {
    return this.#state === 'ended';
  }

  #announce(offset: Offset, recovered: boolean, id: number | undefined): void {
    const { name } = this.channel;
    const sink = this.#feed ?? this.#sink;
    sink.sendEvent({ type: 'subscribed', ...(id !== undefined && { id }), channel: name, offset, recovered });
  }

  #goLive(): void {
    // What was just sent may have had the link cut.
    if (this.#isEnded()) return;
    this.#state = 'live';
    if (this.#feed !== undefined) this.#feed.goLive();
    else this.#sink.join(this.channel);
  }
}
