// The log of revocations of a process that is alone; the model for the one in Redis. It ends with its process.

import { randomBytes } from 'node:crypto';
import { FanfareError } from '../lib/errors.js';
import type { Revocation, RevocationOrder, RevokedName } from './revocation.js';
import { RevocationList } from './revocation-list.js';
import {
  ANY_EPOCH,
  type LogPage,
  type LogPosition,
  MEMBER_FORGET_MS,
  MEMBER_GRACE_MS,
  MEMBER_SILENCE_MS,
  READING_GAP_MS,
  type RevocationLog,
  type StoredRevocation,
} from './revocation-log.js';

/** Specified: of one cluster at a time. */
export const MAX_REVOCATIONS = 1_000_000;

interface Seen extends LogPosition {
  readonly atMs: number;
}

/** Makes a log that is empty. `clock` is in Unix milliseconds. */
export function createMemoryRevocations(clock: () => number = Date.now): RevocationLog {
  return new MemoryRevocations(clock);
}

/** As an order becomes an entry, wherever the log is. */
export function newRevocation(order: RevocationOrder, id: string, nowMs: number): Revocation {
  const { kind, name, issuedBefore = 0, reason = '', lifeMs } = order;
  return {
    id,
    kind,
    name,
    issuedBefore: kind === 'logout' ? Math.floor(nowMs / 1000) : issuedBefore,
    reason,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + lifeMs,
    withdrawnAtMs: 0,
  };
}

class MemoryRevocations implements RevocationLog {
  readonly #clock: () => number;
  readonly #epoch = randomBytes(6).toString('base64url');
  readonly #list = new RevocationList();
  /** The list has the same order. */
  readonly #revisions = new Map<string, number>();
  readonly #members = new Map<string, Seen>();
  /** When a member read last. */
  #readAtMs: number | undefined;
  /** The last time in which nobody read. */
  #gap = { beganMs: Number.NEGATIVE_INFINITY, endedMs: Number.NEGATIVE_INFINITY };
  #revision = 0;
  /** When the next one is over. */
  #soonestMs = Number.POSITIVE_INFINITY;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  async read(from: LogPosition, limit: number, member?: string): Promise<LogPage> {
    const nowMs = this.#clock();
    this.#expire(nowMs);
    if (member !== undefined) this.#noteReading(member, from, nowMs);
    const known = from.epoch === this.#epoch || from.epoch === ANY_EPOCH ? from.revision : 0;
    const entries: Revocation[] = [];
    let revision = known;
    if (known < this.#revision) {
      for (const one of this.#list.all()) {
        const own = this.#revisions.get(one.id) ?? 0;
        if (own <= known) continue;
        if (entries.length === limit) return this.#page(entries, revision, nowMs, true);
        entries.push(one);
        revision = own;
      }
      revision = Math.max(revision, this.#revision);
    }
    return this.#page(entries, revision, nowMs, false);
  }

  async add(order: RevocationOrder): Promise<StoredRevocation> {
    const nowMs = this.#clock();
    this.#expire(nowMs);
    if (this.#list.size >= MAX_REVOCATIONS) throw new FanfareError('storage_full', 'there are too many revocations');
    const revocation = newRevocation(order, randomBytes(12).toString('base64url'), nowMs);
    return { ...this.#take(revocation), revocation };
  }

  async putBack(revocations: readonly Revocation[]): Promise<void> {
    const nowMs = this.#clock();
    for (const one of revocations) if (one.expiresAtMs > nowMs) this.#take(one);
  }

  async withdraw(id: string): Promise<LogPosition | undefined> {
    const nowMs = this.#clock();
    this.#expire(nowMs);
    const known = this.#list.get(id);
    if (known === undefined || known.withdrawnAtMs > 0) return undefined;
    return this.#take({ ...known, withdrawnAtMs: nowMs });
  }

  async find(name: RevokedName): Promise<readonly Revocation[]> {
    this.#expire(this.#clock());
    return this.#list.of(name).filter(({ withdrawnAtMs }) => withdrawnAtMs === 0);
  }

  async behind({ epoch, revision }: LogPosition): Promise<readonly string[]> {
    const nowMs = this.#clock();
    const names: string[] = [];
    for (const [member, seen] of this.#members) {
      if (nowMs - seen.atMs > MEMBER_FORGET_MS) this.#members.delete(member);
      else if (this.#lives(seen, nowMs) && (seen.epoch !== epoch || seen.revision < revision)) names.push(member);
    }
    return names;
  }

  async leave(member: string): Promise<void> {
    this.#members.delete(member);
  }

  #noteReading(member: string, from: LogPosition, nowMs: number): void {
    const last = this.#readAtMs;
    if (last !== undefined && nowMs - last > READING_GAP_MS) {
      const { beganMs, endedMs } = this.#gap;
      this.#gap = { beganMs: nowMs - endedMs <= MEMBER_GRACE_MS ? beganMs : last, endedMs: nowMs };
    }
    this.#readAtMs = nowMs;
    this.#members.set(member, { ...from, atMs: nowMs });
  }

  /** Time in which nobody read makes nobody silent. */
  #lives({ atMs }: Seen, nowMs: number): boolean {
    const { beganMs, endedMs } = this.#gap;
    const isWaitedFor = nowMs - endedMs <= MEMBER_GRACE_MS && Math.abs(beganMs - atMs) <= MEMBER_SILENCE_MS;
    return (this.#readAtMs ?? nowMs) - atMs <= MEMBER_SILENCE_MS || isWaitedFor;
  }

  #take(revocation: Revocation): LogPosition {
    if (this.#list.merge(revocation)) {
      this.#soonestMs = Math.min(this.#soonestMs, revocation.expiresAtMs);
      this.#revisions.delete(revocation.id);
      this.#revisions.set(revocation.id, ++this.#revision);
    }
    return { epoch: this.#epoch, revision: this.#revision };
  }

  #page(entries: readonly Revocation[], revision: number, nowMs: number, more: boolean): LogPage {
    return { position: { epoch: this.#epoch, revision }, entries, more, count: this.#list.size, nowMs };
  }

  #expire(nowMs: number): void {
    if (nowMs < this.#soonestMs) return;
    this.#list.forget(({ expiresAtMs }) => expiresAtMs <= nowMs);
    for (const id of this.#revisions.keys()) if (this.#list.get(id) === undefined) this.#revisions.delete(id);
    this.#soonestMs = Number.POSITIVE_INFINITY;
    for (const { expiresAtMs } of this.#list.all()) this.#soonestMs = Math.min(this.#soonestMs, expiresAtMs);
  }
}
