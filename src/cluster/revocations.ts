// What a process knows of its cluster's revocations: it reads their log, says of each token whether it is revoked, and has links ended.

import { monotonicNowMs, steadyUnixMs } from '../lib/clocks.js';
import type { Logger } from '../lib/logger.js';
import { type PeriodicTask, periodically } from '../lib/periodic-tasks.js';
import { within } from '../lib/timers.js';
import { RecentRevocations } from './recent-revocations.js';
import type { RevokedName, TokenHolder } from './revocation.js';
import { type Ending, endedError, endingOf, notReadError } from './revocation-ending.js';
import { RevocationFilter } from './revocation-filter.js';
import { anyRevokes, RevocationList } from './revocation-list.js';
import { LOG_BEGIN, type LogPage, type LogPosition, MEMBER_SILENCE_MS, type RevocationLog } from './revocation-log.js';
import { RevocationLookups } from './revocation-lookups.js';

/** Chosen: a revocation is in force everywhere after that and a round trip; each member asks so often, unless it still reads. */
const READ_EVERY_MS = 250;
const PAGE_ENTRIES = 1_000;
const PUT_BACK_AT_ONCE = 100;
const LEAVE_WITHIN_MS = 500;

export interface RevocationsOptions {
  readonly log: RevocationLog;
  /** What this process is called where others wait for it. */
  readonly member: string;
  /** Users and tokens of which the log is asked for nothing. */
  readonly falsePositives: number;
  readonly logger: Logger;
  /** A multiple of 250 ms, which is the default. */
  readonly readEveryMs?: number;
}

/** A filter that is being filled. */
interface Building {
  readonly filter: RevocationFilter;
  /** Of this epoch, read from the beginning; else beside the reading that goes on. */
  readonly isReading: boolean;
}

/**
 * A revocation is in force here before the log is told that it has been read: it stands in the filter, and links were ended. While a
 * filter is built, the one before it serves and takes what is new.
 */
export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #recent = new RecentRevocations();
  readonly #lookups: RevocationLookups;
  #filter: RevocationFilter | undefined;
  #building: Building | undefined;
  #position: LogPosition = LOG_BEGIN;
  /** Those whose links have not all been ended yet: the log is told of none that comes after them. */
  #owed = new RevocationList();
  #listener: ((ending: Ending) => void | Promise<void>) | undefined;
  #reader: PeriodicTask | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isReading = false;
  #again = false;
  #isClosed = false;
  #isAway = false;
  #isOwing = false;
  #aheadMs = 0;
  /** When all was read last, by the monotonic clock. */
  #confirmedAtMs = Number.NEGATIVE_INFINITY;
  #wasOk = false;
  #sinceMs = Date.now();
  #applied = 0;
  #built = 0;

  constructor(options: RevocationsOptions) {
    this.#options = options;
    this.#lookups = new RevocationLookups(options.log);
  }

  get log(): RevocationLog {
    return this.#options.log;
  }

  /** Reads all that there is; a log that is away is asked again and again. */
  async start(): Promise<void> {
    await this.readNow();
    if (this.#isClosed) return;
    this.#reader?.stop();
    const everyMs = this.#options.readEveryMs ?? READ_EVERY_MS;
    this.#reader = periodically(everyMs, () => this.#isReading || this.readNow()).unref();
  }

  /** Ends its reading and leaves. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader?.stop();
    const { log, member } = this.#options;
    // Where the log is away, others wait for it no longer than for one that has died.
    await within(
      log.leave(member).catch(() => undefined),
      LEAVE_WITHIN_MS,
    );
  }

  /**
   * Hears what ends links, before anybody is told that it is in force; where that fails it hears the same with the next reading, and
   * nobody is told so before. One for each process.
   */
  onEnding(listener: (ending: Ending) => void | Promise<void>): void {
    this.#listener = listener;
  }

  /**
   * Throws or rejects with `revoked`. Answers at once where the filter says no, or what the log said is known; rejects with
   * `broker_unavailable` where it has to be asked and is away.
   */
  check(holder: TokenHolder): void | Promise<void> {
    if (holder.user === null) return;
    this.requireGood(holder);
    const filter = this.#filter;
    if (filter !== undefined && !filter.mayHave(holder)) return;
    const names = filter?.namesOf(holder) ?? namesOf(holder);
    let areKnown = true;
    for (const name of names) {
      const known = this.#lookups.known(name);
      if (known === undefined) areKnown = false;
      else if (anyRevokes(known, holder, this.#logMs())) throw endedError('revoked');
    }
    return areKnown && filter !== undefined ? undefined : this.#ask(names, holder);
  }

  /** Throws `revoked` where that has been heard lately: for whoever passed {@link check} and has waited since. */
  requireGood(holder: TokenHolder): void {
    if (holder.user === null) return;
    const nowMs = this.#logMs();
    const endsAll = [this.#filter, this.#building?.filter].some((filter) => filter?.endsAll(holder, nowMs));
    if (endsAll || this.#recent.revokes(holder, nowMs)) throw endedError('revoked');
  }

  /** Reads what is new now, and has it confirmed. Never rejects. */
  readNow(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#isReading) this.#again = true;
    else this.#reading = this.#readAll();
    return this.#reading;
  }

  /** The condition of readiness: whether the list was confirmed lately. */
  status(): { readonly name: string; readonly ok: boolean; readonly sinceMs: number; readonly detail: string } {
    const ok = monotonicNowMs() - this.#confirmedAtMs <= MEMBER_SILENCE_MS;
    if (ok !== this.#wasOk) this.#sinceMs = Date.now();
    this.#wasOk = ok;
    const detail = ok ? '' : `the list of revocations was not confirmed for ${MEMBER_SILENCE_MS / 1000} s`;
    return { name: 'revocations', ok, sinceMs: this.#sinceMs, detail };
  }

  stats(): Readonly<Record<string, number>> {
    return {
      revokedNames: this.#filter?.count ?? 0,
      revocationFilterBytes: this.#filter?.bytes ?? 0,
      revocationFiltersBuilt: this.#built,
      revocationsApplied: this.#applied,
      revocationLookups: this.#lookups.asked,
    };
  }

  async #ask(names: readonly RevokedName[], holder: TokenHolder): Promise<void> {
    const found = await Promise.all(names.map((name) => this.#lookups.find(name)));
    if (found.some((some) => anyRevokes(some, holder, this.#logMs()))) throw endedError('revoked');
    this.requireGood(holder);
    // What ends all tokens of before a time is known by no name.
    if (this.#filter === undefined) throw notReadError(READ_EVERY_MS);
  }

  /** Until there is nothing new, and the log knows that. Whoever asks after its last look finds none under way, and begins another. */
  async #readAll(): Promise<void> {
    const { log, member, logger } = this.#options;
    this.#isReading = true;
    try {
      let isBehind = true;
      while (isBehind && !this.#isClosed) {
        this.#again = false;
        const page = await log.read(this.#position, PAGE_ENTRIES, member);
        if (this.#isClosed) return;
        this.#aheadMs = page.nowMs - steadyUnixMs();
        if (page.position.epoch !== this.#position.epoch) this.#enter(page);
        this.#take(page);
        if (!(await this.#endOwed(page.nowMs))) return;
        this.#position = page.position;
        if (!page.more) await this.#caughtUp(page);
        isBehind = page.more || page.entries.length > 0 || this.#again;
      }
      if (this.#isAway) logger.info({}, 'the list of revocations is back');
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) logger.warn({ error }, 'the list of revocations cannot be read; what was read is in force');
      this.#isAway = true;
    } finally {
      this.#isReading = false;
    }
  }

  /** The log may have lost what it had: it is read from its beginning, while what was known stays in force. */
  #enter({ count }: LogPage): void {
    if (this.#position.epoch !== '') {
      this.#options.logger.info(
        { count },
        'the list of revocations begins anew: it is read, and what it lost is written back',
      );
    }
    this.#lookups.forget();
    this.#recent.logBegins();
    this.#building = { filter: new RevocationFilter(count, this.#options.falsePositives), isReading: true };
  }

  #take({ entries, nowMs }: LogPage): void {
    for (const one of entries) {
      this.#filter?.add(one);
      this.#building?.filter.add(one);
      this.#lookups.note(one);
      const isNew = this.#recent.hear(one, nowMs);
      const isOwed = this.#owed.get(one.id) !== undefined;
      if (isNew && !isOwed) this.#applied++;
      if (isNew || isOwed) this.#owed.merge(one);
    }
    this.#recent.forget(nowMs);
  }

  /** Whether all links have been ended for what was read. */
  async #endOwed(nowMs: number): Promise<boolean> {
    if (this.#owed.size === 0) return true;
    try {
      await this.#listener?.(endingOf(this.#owed, nowMs));
    } catch (error) {
      const { logger } = this.#options;
      if (!this.#isOwing) logger.error({ error }, 'links could not be ended for what was revoked; trying again');
      this.#isOwing = true;
      return false;
    }
    this.#owed = new RevocationList();
    this.#isOwing = false;
    return true;
  }

  async #caughtUp({ nowMs, count }: LogPage): Promise<void> {
    const building = this.#building;
    if (building?.isReading) this.#swap(building);
    this.#confirmedAtMs = monotonicNowMs();
    this.#recent.confirmed(nowMs);
    await this.#putBack(nowMs);
    const filter = this.#filter;
    if (this.#building === undefined && (filter?.isFull || filter?.isWide(count))) void this.#rebuild(count);
  }

  /** What is recent is in force whatever the log has lost. */
  #swap({ filter }: Building): void {
    for (const one of this.#recent.all()) filter.add(one);
    this.#filter = filter;
    this.#building = undefined;
    this.#built++;
  }

  /** Reads the log from its beginning beside the reading that goes on, which adds what is new to both filters. */
  async #rebuild(count: number): Promise<void> {
    const { log, falsePositives, logger } = this.#options;
    const building: Building = { filter: new RevocationFilter(count, falsePositives), isReading: false };
    this.#building = building;
    const isOver = () => this.#building !== building || this.#isClosed;
    try {
      let from: LogPosition = { ...this.#position, revision: 0 };
      for (let more = true; more; ) {
        const page = await log.read(from, PAGE_ENTRIES);
        if (isOver()) return;
        if (page.position.epoch !== from.epoch) break;
        for (const one of page.entries) building.filter.add(one);
        from = page.position;
        more = page.more;
        if (!more) return this.#swap(building);
      }
    } catch (error) {
      logger.debug({ error }, 'the filter of revocations could not be built anew');
    }
    if (!isOver()) this.#building = undefined;
  }

  async #putBack(nowMs: number): Promise<void> {
    const lost = this.#recent.lost(nowMs);
    for (let from = 0; from < lost.length; from += PUT_BACK_AT_ONCE) {
      await this.#options.log.putBack(lost.slice(from, from + PUT_BACK_AT_ONCE));
    }
    this.#recent.settle();
    if (lost.length === 0) return;
    this.#options.logger.warn({ count: lost.length }, 'wrote back revocations that Redis had lost');
    // What was written back has to be read, too.
    this.#again = true;
  }

  #logMs(): number {
    return steadyUnixMs() + this.#aheadMs;
  }
}

function namesOf({ user, tokenId }: TokenHolder): readonly RevokedName[] {
  const byUser: RevokedName[] = user === null ? [] : [`u${user}`];
  return tokenId === undefined ? byUser : [...byUser, `t${tokenId}`];
}
