// A channel at a node: its position, its ring, and the repair that keeps what it delivers without a hole.

import type { BrokerMessage, HistoryPage, LogEntry } from '../../broker/broker.js';
import { calm } from '../../lib/calm.js';
import { monotonicNowMs, NEVER_MS } from '../../lib/clocks.js';
import { type Begin, type GapReason, NOW, type Offset } from '../../protocol/index.js';
import type { Audience } from './audience.js';
import type { ChannelCounters, Traffic } from './channel-counters.js';
import { ChannelLog, type ChannelLogParts, type LogOwner, type OpenWaiter } from './channel-log.js';
import { ChannelMemory, type ChannelMemoryParts } from './channel-memory.js';
import { buildMessage, type ChannelMessage, framePrefix, passingFrames } from './message.js';

/** One read of the log while repairing. */
const REPAIR_PAGE = { maxEntries: 256, maxBytes: 256 * 1024 } as const;
/** Chosen: what a channel is opened with, of what its first reader asks for: most have missed little, and who leaves does not pay. */
const OPENING_PAGE = { maxEntries: 64, maxBytes: 32 * 1024 } as const;
/** Chosen: what the bus brings while the log is read and may wait for it; beyond it the log is read once more. */
const MAX_NOTED = { entries: 512, bytes: 64 * 1024 } as const;

export interface ChannelParts extends ChannelLogParts, ChannelMemoryParts {
  readonly counters: ChannelCounters;
  readonly traffic: Traffic;
}

/**
 * States: `opening` (not subscribed yet, or its tail is not known), `live`, `repairing` (the log is being read; what the bus
 * brings is noted), `closed`.
 */
export class Channel implements LogOwner {
  readonly name: string;
  readonly audience: Audience;
  readonly memory: ChannelMemory;
  /** Connections and polls that use the channel; kept by the owner of all channels. */
  users = 0;
  /** Since when nobody uses it, by the monotonic clock; kept by the owner of all channels. */
  idleSinceMs = 0;
  /** When something was last delivered, by the monotonic clock. */
  deliveredAtMs = NEVER_MS;
  /** The same of what is in the log. */
  loggedAtMs = NEVER_MS;

  readonly #parts: ChannelParts;
  readonly #log: ChannelLog;
  // An idle channel is cheap: what holds messages is made with the first one.
  #prefix: string | undefined;
  #state: 'opening' | 'live' | 'repairing' | 'closed' = 'opening';
  #position: Offset = '';
  /** From when a read of the log is sent: all that the bus brought before, it covers. */
  #isNoting = false;
  /** What the bus brings while the log is being read; in copies, and bounded. */
  #noted: LogEntry[] | undefined;
  #notedBytes = 0;
  #generation = 0;
  /** Something was lost since the read under way was sent: the log must be read once more. */
  #suspect = false;
  #ready: Promise<boolean>;

  /** `begin` is where its first reader begins: one read is for both. */
  constructor(name: string, audience: Audience, parts: ChannelParts, begin: Begin = NOW) {
    this.name = name;
    this.audience = audience;
    this.#parts = parts;
    this.memory = new ChannelMemory(parts);
    this.#log = new ChannelLog(this, parts);
    this.#ready = this.#open(begin);
    void this.#ready.then((isOpen) => this.#log.tell(isOpen));
  }

  /** Whether the position is known; else wait for {@link ready}. */
  get isOpen(): boolean {
    return this.#state === 'live' || this.#state === 'repairing';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get generation(): number {
    return this.#generation;
  }

  /** Resolves with `true` once the position is known, with `false` when the channel was closed first. */
  get ready(): Promise<boolean> {
    return this.#ready;
  }

  /**
   * As {@link ready}, for who wants an answer and may stop waiting. Only while neither {@link isOpen} nor {@link isClosed}.
   * Answers the undo.
   */
  whenOpen(waiter: OpenWaiter): () => void {
    return this.#log.whenOpen(waiter);
  }

  /** The newest position delivered here. Only while {@link isOpen}. */
  get position(): Offset {
    return this.#position;
  }

  /** Whether everything after `position` is in memory, and none of it too old to be handed out. */
  holds(position: Offset): boolean {
    return position === this.#position || this.memory.holds(position);
  }

  /** The next messages after `position`, as {@link MessageRing.after}; `undefined` when it is not in memory. */
  after(position: Offset, maxMessages: number, maxBytes: number): readonly ChannelMessage[] | undefined {
    if (position === this.#position) return NONE;
    return this.memory.after(position, maxMessages, maxBytes);
  }

  /** Something from the bus. */
  receive(message: BrokerMessage, nowMs: number): void {
    if (message.offset === undefined) {
      if (this.#state === 'closed') return;
      this.deliveredAtMs = nowMs;
      this.#parts.traffic.deliveredAtMs = nowMs;
      this.#parts.counters.messages++;
      this.audience.message(this.#build(message));
      return;
    }
    if (this.#state !== 'live') this.#note(message as LogEntry);
    else if (message.previous === this.#position) this.#deliver(message as LogEntry, nowMs);
    else if (message.offset <= this.#position && this.holds(message.offset)) this.#parts.counters.duplicates++;
    else this.repair();
  }

  /**
   * To be told at once of what was just read from the log for one reader: if the bus has not brought the channel as far, it
   * catches up, so that the reader can go live. Resolves when it has. What lies before that stays in memory for the next.
   */
  async meet(page: HistoryPage): Promise<void> {
    if (!this.isOpen) return;
    if (this.#state === 'live' && !page.more) {
      const nowMs = monotonicNowMs();
      for (const entry of page.entries) if (entry.previous === this.#position) this.#deliver(entry, nowMs);
    }
    this.#keep(page);
    if (!page.more && !this.holds(page.tail)) await this.repair();
  }

  /** A log entry as a message to send. */
  toMessage(entry: LogEntry): ChannelMessage {
    return this.#build(entry);
  }

  /** Reads the log after a position for one reader: {@link ChannelLog.readFor}. */
  read<T>(
    after: Begin,
    maxBytes: number,
    isOver: () => boolean,
    attempt: (read: () => Promise<HistoryPage | undefined>) => Promise<T>,
  ): Promise<T | undefined> {
    return this.#log.readFor(after, { maxEntries: REPAIR_PAGE.maxEntries, maxBytes }, isOver, attempt);
  }

  /** Reads the log from the position and delivers what is missing before anything newer. Resolves when live again, or closed. */
  repair(): Promise<boolean> {
    if (this.#state === 'live') {
      this.#state = 'repairing';
      this.#parts.counters.repairs++;
      this.#ready = this.#repair();
    } else {
      this.#suspect = true;
    }
    return this.#ready;
  }

  /** The bus was interrupted: a read of the log that is under way may be older than what was lost. */
  distrust(): void {
    this.#generation++;
    if (this.#state !== 'live') this.#suspect = true;
  }

  /**
   * The log was deleted: nothing of it is handed out from memory any more, nor what was read of it before. Resolves when everybody who is
   * live here has been told, or the channel is closed.
   */
  erase(): Promise<boolean> {
    this.#generation++;
    this.memory.forget();
    return this.repair();
  }

  close(): void {
    this.#state = 'closed';
    this.memory.forget();
  }

  /** Called by its log: the read that is sent now covers all that the bus has brought. */
  readIsSent(): void {
    this.#suspect = false;
    this.#takeNoted();
    this.#isNoting = true;
  }

  #note({ offset, previous, data, from }: LogEntry): void {
    if (!this.#isNoting) return;
    this.#notedBytes += data.length;
    this.#noted ??= [];
    if (this.#noted.length >= MAX_NOTED.entries || this.#notedBytes > MAX_NOTED.bytes) this.#suspect = true;
    else this.#noted.push({ offset, previous, data: Buffer.from(data), from: from && Buffer.from(from) });
  }

  /** Hands over what was noted. */
  #takeNoted(): readonly LogEntry[] {
    const noted = this.#noted ?? [];
    this.#noted = undefined;
    this.#notedBytes = 0;
    return noted;
  }

  /** Keeps what is read for one, for the next. */
  #keep({ entries, start }: HistoryPage): void {
    this.#prefix ??= framePrefix(this.name);
    if (!this.holds(start)) this.memory.precede(entries, this.#position, this.#prefix);
  }

  #build(message: BrokerMessage): ChannelMessage {
    this.#prefix ??= framePrefix(this.name);
    return buildMessage(this.#prefix, message, passingFrames);
  }

  #deliver(entry: LogEntry, nowMs: number): void {
    this.#prefix ??= framePrefix(this.name);
    const message = buildMessage(this.#prefix, entry, this.memory.framesAfter(this.#position, this.#prefix.length));
    this.#position = entry.offset;
    this.deliveredAtMs = nowMs;
    this.#parts.traffic.deliveredAtMs = nowMs;
    this.loggedAtMs = nowMs;
    this.#parts.counters.messages++;
    this.audience.message(message);
  }

  async #open(begin: Begin): Promise<boolean> {
    const { broker } = this.#parts;
    const before = () => broker.subscribe(this.name);
    const opened = await this.#log.readFirst('reads', begin, OPENING_PAGE, before);
    if (opened === undefined) return false;
    this.#position = opened.tail;
    if (begin !== NOW) {
      this.#keep(opened);
      this.#log.offer(begin, opened);
    }
    return this.#becomeLive();
  }

  async #repair(): Promise<boolean> {
    for (;;) {
      const page = await this.#log.readFirst('repairs', this.#position, REPAIR_PAGE);
      if (page === undefined) return false;
      this.#apply(page);
      if (!page.more) return this.#becomeLive();
    }
  }

  /** From here on the bus is trusted again, beginning with what it brought while the log was read. */
  #becomeLive(): boolean | Promise<boolean> {
    if (this.#suspect) {
      this.#state = 'repairing';
      return this.#repair();
    }
    this.#state = 'live';
    this.#ready = READY;
    const noted = this.#takeNoted();
    this.#isNoting = false;
    const known = noted.findLastIndex(({ offset }) => this.holds(offset));
    const news = noted.filter(({ offset }, index) => index > known || offset > this.#position);
    for (const entry of news) this.receive(entry, monotonicNowMs());
    return this.#ready;
  }

  #apply(page: HistoryPage): void {
    if (page.gap !== undefined) this.#announceGap(page.start, page.gap);
    const nowMs = monotonicNowMs();
    for (const entry of page.entries) {
      // A hole inside the log itself: an entry was deleted by hand.
      if (entry.previous !== this.#position) this.#announceGap(entry.previous, 'lost');
      this.#parts.counters.repaired++;
      this.#deliver(entry, nowMs);
    }
  }

  #announceGap(offset: Offset, reason: GapReason): void {
    const after = this.#position;
    this.#generation++;
    this.#position = offset;
    this.memory.reset(offset);
    calm(this.#parts.logger).warn({ channel: this.name, after, offset, reason }, 'history has a gap');
    this.audience.gap({ type: 'gap', channel: this.name, after, offset, reason });
  }
}

const NONE: readonly ChannelMessage[] = [];
const READY = Promise.resolve(true);
