// Reads one channel for one sink: from a position, out of memory or the log, as far as the sink has room, until it has caught up.

import type { HistoryPage, LogEntry } from '../../broker/broker.js';
import type { Slices } from '../../lib/slices.js';
import type { Turns } from '../../lib/turns.js';
import { type Begin, type GapEvent, NOW, type Offset, type ServerEvent } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import type { ChannelMessage } from '../channels/message.js';
import { bytesOf } from './read-price.js';

/** The most that one read may bring, and how far a follower runs ahead of what its sink has taken. */
const PAGE_BYTES = 256 * 1024;
/** Chosen: messages taken from memory at once, before it is asked again whether there is room. */
const PULL_MESSAGES = 64;
/** Engines tell of a drain only after more than 64 KiB. */
const LEAST_AHEAD_BYTES = 80 * 1024;
/** What stands in a frame besides its message's data, at most: envelope, sender, a reply or two. */
const FRAME_BYTES = 4 * 1024;

/** How far a follower may run ahead: so far that the next message does not have its link cut as a slow consumer. */
export function aheadBytesOf(limits: { readonly maxBufferedBytes: number; readonly maxMessageBytes: number }): number {
  const room = limits.maxBufferedBytes - limits.maxMessageBytes - FRAME_BYTES;
  return Math.max(LEAST_AHEAD_BYTES, Math.min(PAGE_BYTES, room));
}

/** What a follower writes to. */
export interface FollowerSink {
  sendEvent(event: ServerEvent): void;
  sendMessage(message: ChannelMessage): void;
  /** Runs `write`; what that sends leaves in as few system calls as may be. */
  cork(write: () => void): void;
  bufferedBytes(): number;
  /** Resolves when what is buffered has left, or the link is closed. */
  drained(): Promise<void>;
  /** It has all that the channel has. */
  caughtUp?(channel: Channel): void;
}

export interface FollowerParts {
  readonly channel: Channel;
  readonly sink: FollowerSink;
  /** Bounds how many followers of one link read the log at once. */
  readonly turns: Turns;
  /** Thousands that come back at once are served in slices: live messages come first. */
  readonly slices: Slices;
  /** Of {@link aheadBytesOf}. */
  readonly aheadBytes: number;
  /** Hears of what was read to catch up. */
  readonly charge: (bytes: number) => void;
  /** Whether nobody wants more. */
  readonly isOver: () => boolean;
}

/** Says where the follower begins; `recovered` is false behind a gap. Called once, before anything is sent. */
export type Announce = (start: Offset, recovered: boolean) => void;

/** Follows an open channel once; it holds nothing but its position between two pulls. */
export class Follower {
  readonly #parts: FollowerParts;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /**
   * Follows from `after` on. `caughtUp` is called in the same turn in which the position is found to be the channel's: whoever
   * joins its audience there misses nothing and hears nothing twice. Resolves after that, or when it is over. Rejects with
   * `internal` where the log cannot be read.
   */
  async follow(after: Begin, announce: Announce, caughtUp: () => void): Promise<void> {
    const { memory } = this.#parts.channel;
    const position = this.#beginInMemory(after, announce);
    memory.followed();
    try {
      await this.#goOn(position ?? (await this.#beginInLog(after, announce)), caughtUp);
    } finally {
      memory.caughtUp();
    }
  }

  async #goOn(from: Offset | undefined, caughtUp: () => void): Promise<void> {
    let position = from;
    while (position !== undefined) {
      const { channel } = this.#parts;
      const next = channel.after(position, PULL_MESSAGES, PAGE_BYTES);
      position = next === undefined ? await this.#pullPage(position) : this.#send(next, position);
      if (position === undefined) return;
      if (next !== undefined && position === channel.position) return caughtUp();
      if (!(await this.#mayGoOn())) return;
    }
  }

  #beginInMemory(after: Begin, announce: Announce): Offset | undefined {
    const { channel } = this.#parts;
    const position = after === NOW ? channel.position : after;
    // How far back so many messages lie, the log says.
    if (typeof position !== 'string' || !channel.holds(position)) return undefined;
    announce(position, true);
    return position;
  }

  /** With the first page of what was missed. */
  #beginInLog(after: Begin, announce: Announce): Promise<Offset | undefined> {
    return this.#pullPage(after, ({ start, gap }) => announce(start, gap === undefined));
  }

  /**
   * Reads a page and sends it; answers the position reached, `undefined` when it is over. A turn lasts for one attempt to read
   * and its page: what waits for a broker that is away, or for a repair, holds up no other follower.
   */
  async #pullPage(after: Begin, before?: (page: HistoryPage) => void): Promise<Offset | undefined> {
    const { channel, turns, slices, isOver } = this.#parts;
    let met: Promise<void> | undefined;
    const position = await channel.read(after, PAGE_BYTES, isOver, (read) =>
      turns.take(async () => {
        for (;;) {
          const { generation } = channel;
          const page = await read();
          if (page === undefined) return undefined;
          // At once: while the page is sent, the channel goes on, and perhaps along another history.
          met = channel.meet(page);
          if (!slices.hasTime()) await slices.turn();
          if (isOver()) return this.#chargeInVain(page);
          // Else it may have been deleted meanwhile, and goes to nobody.
          if (channel.generation === generation) return this.#sendBegin(page, after, before);
        }
      }),
    );
    if (position !== undefined) await met;
    return isOver() ? undefined : position;
  }

  /** Sends the first of a page, or all of it; what memory has now is sent from there, and paid for then: in frames that are built once for all. */
  #sendBegin(page: HistoryPage, after: Begin, before?: (page: HistoryPage) => void) {
    const { channel, charge } = this.#parts;
    const isKept = channel.holds(page.start);
    charge(isKept ? (page.walkedBytes ?? 0) : bytesOf(page));
    return this.#inOneWrite(() => {
      before?.(page);
      this.#tellGap(page, after);
      return isKept ? this.#sendKept(page.start) : this.#sendPage(page);
    });
  }

  /** Waits until the sink has taken what was sent, and for a slice; `false` when it is over. */
  async #mayGoOn(): Promise<boolean> {
    const { sink, aheadBytes, slices, isOver } = this.#parts;
    if (sink.bufferedBytes() > aheadBytes) await sink.drained();
    if (!slices.hasTime()) await slices.turn();
    return !isOver();
  }

  /** Whoever has gone pays for what was read for him. */
  #chargeInVain(page: HistoryPage): undefined {
    this.#parts.charge(bytesOf(page));
  }

  #inOneWrite<T>(write: () => T): T | undefined {
    let result: T | undefined;
    this.#parts.sink.cork(() => {
      result = write();
    });
    return result;
  }

  /** Begins to send what memory has behind `position`; answers the new one. */
  #sendKept(position: Offset): Offset {
    const next = this.#parts.channel.after(position, PULL_MESSAGES, PAGE_BYTES);
    return next === undefined ? position : this.#send(next, position);
  }

  /** Sends as much as may be ahead; answers the new position. */
  #send(messages: readonly ChannelMessage[], from: Offset): Offset {
    const { sink, aheadBytes, charge } = this.#parts;
    let position = from;
    if (messages.length === 0) return position;
    let bytes = 0;
    sink.cork(() => {
      for (const message of messages) {
        if (sink.bufferedBytes() > aheadBytes) break;
        sink.sendMessage(message);
        bytes += message.frame.length;
        position = message.offset ?? position;
      }
    });
    if (bytes > 0) charge(bytes);
    return position;
  }

  #tellGap({ gap, start }: HistoryPage, after: Begin): void {
    if (gap === undefined) return;
    const from = typeof after === 'string' ? after : start;
    this.#sendGap({ after: from, offset: start, reason: gap });
  }

  #sendGap(gap: Pick<GapEvent, 'after' | 'offset' | 'reason'>): void {
    const { channel, sink } = this.#parts;
    channel.audience.countGap(gap.reason, 1);
    sink.sendEvent({ type: 'gap', channel: channel.name, ...gap });
  }

  /** Sends a page at the sink's pace; answers the position reached, `undefined` when it is over. */
  async #sendPage({ start, entries }: HistoryPage): Promise<Offset | undefined> {
    const { channel } = this.#parts;
    const { generation } = channel;
    let position = start;
    for (let sent = 0; ; ) {
      const next = this.#inOneWrite(() => this.#sendEntries(entries, sent, position)) ?? sent;
      position = entries[next - 1]?.offset ?? position;
      sent = next;
      if (sent === entries.length) return position;
      if (!(await this.#mayGoOn())) return undefined;
      if (channel.generation !== generation) return position;
    }
  }

  /** Sends as much as may be ahead of what follows the first `sent`; answers how many are sent then. */
  #sendEntries(entries: readonly LogEntry[], sent: number, from: Offset): number {
    const { channel, sink, aheadBytes } = this.#parts;
    let position = from;
    let at = sent;
    for (; at < entries.length && sink.bufferedBytes() <= aheadBytes; at++) {
      const entry = entries[at];
      if (entry === undefined) break;
      if (entry.previous !== position) this.#sendGap({ after: position, offset: entry.previous, reason: 'lost' });
      sink.sendMessage(channel.toMessage(entry));
      position = entry.offset;
    }
    return at;
  }
}
