// The seam to where a cluster's revocations are kept: one log, in which each change has a revision.

import type { Revocation, RevocationOrder, RevokedName } from './revocation.js';

/** How far a log has been read. */
export interface LogPosition {
  /** Another one begins when the log may have lost something: its revisions say nothing of those of before. */
  readonly epoch: string;
  readonly revision: number;
}

/** Before everything. */
export const LOG_BEGIN: LogPosition = { epoch: '', revision: 0 };
/** Stands for the epoch that there is. */
export const ANY_EPOCH = '*';

/** A part of the log, in its order. */
export interface LogPage {
  /** Where its end is; another epoch than was asked for: it begins with the first entry that there is. */
  readonly position: LogPosition;
  readonly entries: readonly Revocation[];
  /** Whether there are more. */
  readonly more: boolean;
  /** Entries of the whole log, withdrawn ones with them. */
  readonly count: number;
  /** The log's clock, Unix milliseconds. */
  readonly nowMs: number;
}

/** What came of an order. */
export interface StoredRevocation extends LogPosition {
  readonly revocation: Revocation;
}

/** How long a member that is silent is still waited for, while others read. */
export const MEMBER_SILENCE_MS = 5_000;
/** Chosen: members read four times a second, so that nobody was able to where nobody did for so long. */
export const READING_GAP_MS = 1_500;
/** Chosen: how long after that those are waited for who read before; as the registry waits for nodes. */
export const MEMBER_GRACE_MS = 10_000;
/** Chosen: after so long without a log those who live have to show it. */
export const MEMBER_FORGET_MS = 5 * 60_000;
/** A user's links are ended once, by whoever hears of it in this time. */
export const DISCONNECT_LIFE_MS = 60_000;

/** An entry stands in it once, where it was last changed. Methods throw `FanfareError` with `broker_unavailable`. */
export interface RevocationLog {
  /**
   * What follows `from`, at most `limit` entries. Where a `member` is named, all up to `from` is in force there: it is waited for
   * from now on, until it leaves, or is silent while others read.
   */
  read(from: LogPosition, limit: number, member?: string): Promise<LogPage>;
  /** Throws `storage_full` where there are too many. A log-out is of the log's current second. */
  add(order: RevocationOrder): Promise<StoredRevocation>;
  /** Brings back what the log has lost; what it has stays as it is, unless it was withdrawn meanwhile. */
  putBack(revocations: readonly Revocation[]): Promise<void>;
  /** `undefined` where there is none in force with this id. */
  withdraw(id: string): Promise<LogPosition | undefined>;
  /** Those in force of a name. */
  find(name: RevokedName): Promise<readonly Revocation[]>;
  /** Live members in which what `position` covers is not in force yet. */
  behind(position: LogPosition): Promise<readonly string[]>;
  /** The member is waited for no more. */
  leave(member: string): Promise<void>;
}
