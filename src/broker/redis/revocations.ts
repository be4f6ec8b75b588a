// The log of a cluster's revocations, kept in Redis: each step is one function there, each moment its time.

import { randomBytes } from 'node:crypto';
import {
  decodeRevocation,
  encodeRevocation,
  type Revocation,
  type RevocationOrder,
  type RevokedName,
} from '../../cluster/revocation.js';
import type { LogPage, LogPosition, RevocationLog, StoredRevocation } from '../../cluster/revocation-log.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { RedisConnection } from './connection.js';
import { isWriteRefusal, unavailableError } from './errors.js';

const KEYS = ['revocations', 'revoked-order', 'revoked-until', 'revoked-names', 'revoked-state', 'revoked-seen'];

/** Chosen: each member reads four times a second. */
const SETTLE_MS = 600;

/** Makes the log of the cluster whose prefix the connection has; the connection is the caller's to start and close. */
export function createRedisRevocations(connection: Pick<RedisConnection, 'prefix' | 'call'>): RevocationLog {
  return new RedisRevocations(connection);
}

class RedisRevocations implements RevocationLog {
  readonly #connection: Pick<RedisConnection, 'prefix' | 'call'>;
  readonly #keys: readonly string[];
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(connection: Pick<RedisConnection, 'prefix' | 'call'>) {
    this.#connection = connection;
    this.#keys = KEYS.map((name) => `${connection.prefix}:{!cluster}:${name}`);
  }

  async read({ epoch, revision }: LogPosition, limit: number, member?: string): Promise<LogPage> {
    const args = [epoch, revision, limit, ...(member === undefined ? [] : [member])];
    const [own, newest, more, count, nowMs, ...texts] = await this.#call('read', args).catch((error: unknown) =>
      this.#look(error, args),
    );
    const position = { epoch: String(own), revision: Number(newest) };
    if (!Number.isFinite(position.revision) || !Number.isFinite(Number(nowMs))) throw notAnAnswer();
    return { position, entries: entriesOf(texts), more: more === 1, count: Number(count), nowMs: Number(nowMs) };
  }

  async add(order: RevocationOrder): Promise<StoredRevocation> {
    const { kind, name, issuedBefore = 0, reason = '', lifeMs } = order;
    const id = randomBytes(12).toString('base64url');
    const [epoch, revision, text] = await this.#call('add', [id, kind, name, issuedBefore, reason, lifeMs]);
    if (epoch === '') throw new FanfareError('storage_full', 'there are too many revocations');
    const revocation = decodeRevocation(String(text));
    if (revocation === undefined) throw notAnAnswer();
    return { epoch: String(epoch), revision: Number(revision), revocation };
  }

  async putBack(revocations: readonly Revocation[]): Promise<void> {
    await this.#connection.call('read', 'revocation_put', this.#keys, revocations.map(encodeRevocation));
  }

  async withdraw(id: string): Promise<LogPosition | undefined> {
    const [epoch, revision] = await this.#call('withdraw', [id]);
    return epoch === '' ? undefined : { epoch: String(epoch), revision: Number(revision) };
  }

  async find(name: RevokedName): Promise<readonly Revocation[]> {
    const found = entriesOf(await this.#call('find', [name]));
    return found.filter(({ withdrawnAtMs }) => withdrawnAtMs === 0);
  }

  async behind({ epoch, revision }: LogPosition): Promise<readonly string[]> {
    const behind = (await this.#call('behind', [epoch, revision])).map(String);
    // While nobody could tell what it has read, everybody fell silent: who lives, says so again.
    return monotonicNowMs() - this.#lookedAtMs < SETTLE_MS
      ? [...behind, 'whoever has not read since Redis writes']
      : behind;
  }

  async leave(member: string): Promise<void> {
    await this.#connection.call('read', 'revocation_leave', this.#keys, [member]);
  }

  /** Where Redis refuses writes, nothing can be added either: what is there is read without telling who reads. */
  async #look(refusal: unknown, args: readonly (string | number)[]): Promise<readonly unknown[]> {
    if (!isWriteRefusal(refusal)) throw refusal;
    const answer = await this.#call('look', args);
    if (answer[0] === '') throw refusal;
    this.#lookedAtMs = monotonicNowMs();
    return answer;
  }

  /** Whether a call without an answer was carried out does not matter: what is revoked twice is revoked. */
  async #call(name: string, args: readonly (string | number)[]): Promise<readonly unknown[]> {
    const answer = await this.#connection.call('read', `revocation_${name}`, this.#keys, args);
    if (!Array.isArray(answer)) throw notAnAnswer();
    return answer;
  }
}

/** What somebody else wrote there says nothing. */
function entriesOf(texts: readonly unknown[]): readonly Revocation[] {
  return texts.flatMap((text) => decodeRevocation(String(text)) ?? []);
}

function notAnAnswer(): FanfareError {
  return unavailableError('the list of revocations in Redis gave an answer that is none');
}
