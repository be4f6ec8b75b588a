// Feeds one link with every message of a channel, no faster than its limits: what has to wait is read again when its time has come.

import { Turns } from '../../lib/turns.js';
import type { Begin, GapEvent, Offset, ServerEvent } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { FedListener } from '../channels/fed.js';
import type { ChannelMessage } from '../channels/message.js';
import type { Feed, FeedParts } from './feed.js';
import { Follower } from './follower.js';
import { Gate } from './gate.js';

/** States: `behind` (a follower reads, and is the feed's own but for the first time), `live` (in the audience), `ended`. */
export class PacedFeed implements Feed, FedListener {
  readonly #channel: Channel;
  readonly #parts: FeedParts;
  readonly #gate: Gate;
  #state: 'behind' | 'live' | 'ended' = 'behind';
  #position: Offset = '';

  constructor(channel: Channel, parts: FeedParts) {
    this.#channel = channel;
    this.#parts = parts;
    this.#gate = new Gate(parts);
  }

  get position(): Offset {
    return this.#position;
  }

  // What a follower writes to.

  sendEvent(event: ServerEvent): void {
    if (event.type === 'subscribed' || event.type === 'gap') this.#position = event.offset;
    this.#parts.sink.sendEvent(event);
  }

  sendMessage(message: ChannelMessage): void {
    this.#gate.pass();
    this.#position = message.offset ?? this.#position;
    this.#parts.sink.sendMessage(message);
  }

  cork(write: () => void): void {
    this.#parts.sink.cork(write);
  }

  /** A link that may be sent nothing now looks like one that reads nothing. */
  bufferedBytes(): number {
    return this.#gate.isOpen() || this.#isEnded() ? this.#parts.sink.bufferedBytes() : Number.POSITIVE_INFINITY;
  }

  drained(): Promise<void> {
    if (this.#isEnded()) return Promise.resolve();
    return new Promise((resolve) => this.#gate.opens(1, resolve));
  }

  // Live.

  goLive(): void {
    if (this.#isEnded()) return;
    this.#state = 'live';
    this.#position = this.#channel.position;
    this.#channel.audience.addFed(this);
    this.#parts.sink.caughtUp?.(this.#channel);
  }

  message(message: ChannelMessage): void {
    const { offset } = message;
    if (this.#gate.isOpen()) this.sendMessage(message);
    else if (offset !== undefined) this.#fallBehind();
  }

  gap(gap: GapEvent): void {
    this.#parts.sink.sendEvent(gap);
    this.#position = gap.offset;
  }

  end(): void {
    if (this.#state === 'live') this.#channel.audience.removeFed(this);
    this.#state = 'ended';
    this.#gate.close();
  }

  #fallBehind(): void {
    this.#channel.audience.removeFed(this);
    this.#state = 'behind';
    const { slices, aheadBytes, failed } = this.#parts;
    const follower = new Follower({
      channel: this.#channel,
      sink: this,
      turns: new Turns(1),
      slices,
      aheadBytes,
      // It was on time; it is the node that makes it wait.
      charge: () => undefined,
      isOver: () => this.#isEnded(),
    });
    const from: Begin = this.#position;
    follower
      .follow(
        from,
        () => undefined,
        () => this.goLive(),
      )
      .catch((error: unknown) => {
        if (!this.#isEnded()) failed(error);
      });
  }

  #isEnded(): boolean {
    return this.#state === 'ended';
  }
}
