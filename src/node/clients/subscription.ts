// One connection's subscription to a channel: from the position that it asked for, through what it missed, to live.

import type { HistoryPage } from '../../broker/broker.js';
import type { Turns } from '../../lib/turns.js';
import { type After, NOW, type Offset, type ServerEvent } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { ChannelMessage } from '../channels/message.js';

/** The most that one read of a replay may bring, and how far a replay runs ahead of what its socket has taken. */
const PAGE_BYTES = 256 * 1024;
/** Engines tell of a drain only after more than 64 KiB. */
const LEAST_AHEAD_BYTES = 80 * 1024;
/** What stands in a frame besides its message's data, at most: envelope, sender, a reply or two. */
const FRAME_BYTES = 4 * 1024;

/** How far a replay may run ahead: so far that the next message does not have its link cut as a slow consumer. */
export function replayAheadBytes(limits: {
  readonly maxBufferedBytes: number;
  readonly maxMessageBytes: number;
}): number {
  const room = limits.maxBufferedBytes - limits.maxMessageBytes - FRAME_BYTES;
  return Math.max(LEAST_AHEAD_BYTES, Math.min(PAGE_BYTES, room));
}

/** A link that a subscription delivers to: a WebSocket's or a stream's connection. */
export interface Sink {
  sendEvent(event: ServerEvent): void;
  sendMessage(message: ChannelMessage): void;
  bufferedBytes(): number;
  /** Resolves when what is buffered has left, or the link is closed. */
  drained(): Promise<void>;
  /** From now on the channel's audience includes this link. */
  join(channel: Channel): void;
  leave(channel: Channel): void;
}

/** States: `pending` (reading what was missed), `live` (part of the channel's audience), `ended`. */
export class Subscription {
  readonly channel: Channel;
  /** While it is pending: resolves when it is live or has ended. */
  settled: Promise<void> | undefined;
  readonly #sink: Sink;
  readonly #turns: Turns;
  readonly #aheadBytes: number;
  #state: 'pending' | 'live' | 'ended' = 'pending';
  /** Ends the wait for the channel to open. */
  #stopWaiting: (() => void) | undefined;

  /** `turns` bounds how many subscriptions of the link read the log at once, `aheadBytes` is {@link replayAheadBytes}. */
  constructor(channel: Channel, sink: Sink, turns: Turns, aheadBytes: number) {
    this.channel = channel;
    this.#sink = sink;
    this.#turns = turns;
    this.#aheadBytes = aheadBytes;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** Announces `subscribed`, replays, goes live. Resolves when live or ended; rejects with `internal` where the log cannot be read. */
  async begin(after: After, id: number | undefined): Promise<void> {
    this.settled = this.#start(after, id);
    try {
      await this.settled;
    } finally {
      this.settled = undefined;
    }
  }

  async #start(after: After, id: number | undefined): Promise<void> {
    if (!this.channel.isOpen && !(await this.#opened())) return;
    if (this.#state === 'ended') return;
    const position = this.#begin(after, id) ?? (await this.#beginFromLog(after, id));
    if (position !== undefined) await this.#replay(position);
  }

  /** Whether the channel is open, once that is known; `false` as soon as the subscription ends. */
  #opened(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const undo = this.channel.whenOpen((outcome) => {
        this.#stopWaiting = undefined;
        if (typeof outcome === 'boolean') resolve(outcome);
        else reject(outcome);
      });
      this.#stopWaiting = () => {
        undo();
        resolve(false);
      };
    });
  }

  /** Ends it, whatever its state. Idempotent. */
  end(): void {
    if (this.#state === 'live') this.#sink.leave(this.channel);
    this.#state = 'ended';
    this.#stopWaiting?.();
  }

  #isEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Answers from memory where it can. */
  #begin(after: After, id: number | undefined): Offset | undefined {
    const position = after === NOW ? this.channel.position : after;
    if (!this.channel.holds(position)) return undefined;
    this.#announce(position, true, id);
    return position;
  }

  /** Answers from the log, with the first page of what was missed. */
  #beginFromLog(after: After, id: number | undefined): Promise<Offset | undefined> {
    return this.#replayPage(after, ({ start, gap }) => this.#announce(start, gap === undefined, id));
  }

  #announce(offset: Offset, recovered: boolean, id: number | undefined): void {
    const { name } = this.channel;
    this.#sink.sendEvent({ type: 'subscribed', ...(id !== undefined && { id }), channel: name, offset, recovered });
  }

  /** Brings the link from `position` to the channel's; the last step, from memory into the audience, is synchronous. */
  async #replay(from: Offset): Promise<void> {
    let position = from;
    for (;;) {
      const rest = this.channel.after(position);
      if (rest !== undefined) {
        position = this.#sendFromMemory(rest, position);
        if (position === this.channel.position) return this.#goLive();
      } else {
        const reached = await this.#replayPage(position);
        if (reached === undefined) return;
        position = reached;
      }
      if (!(await this.#hasRoom())) return;
    }
  }

  /**
   * Reads a page and sends it; answers the position reached, `undefined` when the subscription has ended. A turn lasts for one
   * attempt to read and its page: what waits for a broker that is away, or for a repair, holds up no other subscription.
   */
  async #replayPage(after: After, before?: (page: HistoryPage) => void): Promise<Offset | undefined> {
    let met: Promise<void> | undefined;
    const position = await this.channel.read(
      after,
      PAGE_BYTES,
      () => this.#isEnded(),
      (read) =>
        this.#turns.take(async () => {
          const page = await read();
          if (page === undefined) return undefined;
          before?.(page);
          // At once: while the page is sent, the channel goes on, and perhaps along another history.
          met = this.channel.meet(page);
          return this.#sendPage(page, after);
        }),
    );
    if (position !== undefined) await met;
    return this.#isEnded() ? undefined : position;
  }

  /** Waits until the socket has taken what was sent; `false` when the subscription has ended meanwhile. */
  async #hasRoom(): Promise<boolean> {
    if (this.#sink.bufferedBytes() > this.#aheadBytes) await this.#sink.drained();
    return !this.#isEnded();
  }

  #goLive(): void {
    // What was just sent may have had the link cut.
    if (this.#isEnded()) return;
    this.#state = 'live';
    this.#sink.join(this.channel);
  }

  /** Sends as much as may be ahead; answers the new position. */
  #sendFromMemory(messages: readonly ChannelMessage[], from: Offset): Offset {
    let position = from;
    for (const message of messages) {
      if (this.#sink.bufferedBytes() > this.#aheadBytes) break;
      this.#sink.sendMessage(message);
      position = message.offset ?? position;
    }
    return position;
  }

  /** Sends a page at the socket's pace; answers the position reached, `undefined` when the subscription has ended. */
  async #sendPage(page: HistoryPage, after: After): Promise<Offset | undefined> {
    const { name } = this.channel;
    let position = page.start;
    if (page.gap !== undefined) {
      this.#sink.sendEvent({ type: 'gap', channel: name, after, offset: position, reason: page.gap });
    }
    for (const entry of page.entries) {
      if (this.#sink.bufferedBytes() > this.#aheadBytes && !(await this.#hasRoom())) return undefined;
      if (entry.previous !== position) {
        this.#sink.sendEvent({ type: 'gap', channel: name, after: position, offset: entry.previous, reason: 'lost' });
      }
      this.#sink.sendMessage(this.channel.toMessage(entry));
      position = entry.offset;
    }
    return position;
  }
}
