// Reads of logs that many ask for at once: one is under way for each channel, position and generation, and its page is for all.

import type { Broker, HistoryPage, PageLimit } from '../../broker/broker.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import type { Turns, WaitLimit } from '../../lib/turns.js';
import { type Begin, START } from '../../protocol/index.js';

/** Chosen: how long ago a read may have been sent that one more joins; so old is what it says, at most, beside what the bus says. */
const LONGEST_JOIN_MS = 250;

/** Who asks, and for what. */
interface Reader {
  readonly isOver: () => boolean;
  /** Was gone before the read was sent: it has cost nothing for this one. */
  isGone: boolean;
}

interface SharedRead {
  limit: PageLimit;
  readonly readers: Reader[];
  /** By the monotonic clock; infinite until it is sent. */
  sentAtMs: number;
  page: Promise<HistoryPage | undefined>;
}

/** Bounds the reads in flight: those that are tried again after the broker was away, and all others. */
export interface ReadTurns {
  readonly retries: Turns;
  readonly reads: Turns;
}

/** What is to be read of whose log. */
export interface LogRead {
  readonly name: string;
  /** Changes when what was read before may no longer be what the log holds. */
  readonly generation: number;
  readonly after: Begin;
  readonly limit: PageLimit;
  /** It has failed before: it waits for a turn among its like, and keeps nobody waiting who comes for the first time. */
  readonly isRetry: boolean;
  /** Whether nobody wants the answer any more. */
  readonly isOver: () => boolean;
}

/** Holds nothing but what is under way. */
export class SharedReads {
  readonly #broker: Pick<Broker, 'read'>;
  readonly #turns: ReadTurns;
  readonly #wait: WaitLimit | undefined;
  readonly #underWay = new Map<string, SharedRead>();

  /** Each read waits for its turn, no longer than `wait`. */
  constructor(broker: Pick<Broker, 'read'>, turns: ReadTurns, wait?: WaitLimit) {
    this.#broker = broker;
    this.#turns = turns;
    this.#wait = wait;
  }

  /**
   * A page as it would be for this reader alone; `undefined` if it is over by the time that the read is sent. Rejects with what
   * the broker says, and so for all who wait for the same: whoever asks next has it read again.
   */
  async read(wanted: LogRead): Promise<HistoryPage | undefined> {
    const { limit, isOver } = wanted;
    if (isOver()) return undefined;
    const reader: Reader = { isOver, isGone: false };
    const key = keyOf(wanted);
    const known = this.#underWay.get(key);
    const shared = known !== undefined && joins(known, limit) ? known : this.#begin(key, wanted);
    shared.readers.push(reader);
    const page = await shared.page;
    return page === undefined || reader.isGone ? undefined : cut(page, limit);
  }

  #begin(key: string, wanted: LogRead): SharedRead {
    const nothing = Promise.resolve(undefined);
    const { limit } = wanted;
    const shared: SharedRead = { limit, readers: [], sentAtMs: Number.POSITIVE_INFINITY, page: nothing };
    this.#underWay.set(key, shared);
    // In a microtask: whoever begins it is a reader by then.
    const turns = this.#turns[wanted.isRetry ? 'retries' : 'reads'];
    shared.page = nothing.then(() => turns.take(() => this.#send(shared, wanted), this.#wait));
    const end = () => {
      if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
    };
    shared.page.then(end, end);
    return shared;
  }

  async #send(shared: SharedRead, { name, after }: LogRead): Promise<HistoryPage | undefined> {
    let isWanted = false;
    for (const reader of shared.readers) {
      reader.isGone = reader.isOver();
      if (!reader.isGone) isWanted = true;
    }
    // Nobody joins what nobody waits for.
    shared.sentAtMs = isWanted ? monotonicNowMs() : Number.NEGATIVE_INFINITY;
    return isWanted ? this.#broker.read(name, after, shared.limit) : undefined;
  }
}

function keyOf({ name, generation, after, limit }: LogRead): string {
  const begin = typeof after === 'string' ? after : `last:${after.last}`;
  // Only where nothing may be is there a difference.
  const isLight = after === START && limit.opens === false;
  return `${name} ${generation} ${begin}${isLight ? ' light' : ''}`;
}

/** Whether a read serves one more reader; what has not been sent yet is made to. */
function joins(shared: SharedRead, { maxEntries, maxBytes }: PageLimit): boolean {
  const { limit } = shared;
  if (shared.sentAtMs === Number.POSITIVE_INFINITY) {
    const most = { maxEntries: Math.max(maxEntries, limit.maxEntries), maxBytes: Math.max(maxBytes, limit.maxBytes) };
    shared.limit = { ...limit, ...most };
    return true;
  }
  const isRecent = monotonicNowMs() - shared.sentAtMs <= LONGEST_JOIN_MS;
  return isRecent && maxEntries <= limit.maxEntries && maxBytes <= limit.maxBytes;
}

/** Ends a page where a read of this limit would have ended it. */
function cut(page: HistoryPage, { maxEntries, maxBytes }: PageLimit): HistoryPage {
  const { entries } = page;
  let bytes = 0;
  for (const [index, { data, from }] of entries.entries()) {
    bytes += data.length + (from?.length ?? 0);
    if (index + 1 < maxEntries && bytes < maxBytes) continue;
    return index + 1 === entries.length ? page : { ...page, entries: entries.slice(0, index + 1), more: true };
  }
  return page;
}
