// Publishes several messages by as few calls as there may be: those of one turn together, on a Cluster those of one slot.

import type { FanfareError } from '../../lib/errors.js';
import { atOnce } from '../../lib/timers.js';
import { isOffset } from '../../protocol/index.js';
import type { BatchPublisher, Publication, PublishOutcome, Stored } from '../broker.js';
import { checkPublication } from '../publication.js';
import { publishEach, type Store } from '../publish-each.js';
import { slotOf } from './cluster-slot.js';
import type { RedisConnection } from './connection.js';
import { foreignAnswer, toFanfareError, unavailableError } from './errors.js';
import { MOST_OF_A_CALL } from './functions/publish-many-lua.js';

export interface PublishBatchesParts {
  readonly connection: Pick<RedisConnection, 'prefix' | 'cluster' | 'call'>;
  /** For what waits for replicas. */
  readonly store: Store;
  readonly maxMessageBytes: number;
  /** Hears what failed, and answers it. */
  readonly note: (error: FanfareError, channel: string) => FanfareError;
}

interface Waiting {
  readonly publication: Publication;
  readonly bytes: number;
  resolve(outcome: PublishOutcome): void;
}

/** The last argument of a call that is to say whether a key was used before. */
export const TELL = 'tell';
const DUPLICATE = ' duplicate';

/** What a function answered of a message that is stored; `undefined` where it says something else. */
export function storedAs(answer: unknown): Stored | undefined {
  if (typeof answer !== 'string') return undefined;
  const isDuplicate = answer.endsWith(DUPLICATE);
  const offset = isDuplicate ? answer.slice(0, -DUPLICATE.length) : answer;
  if (!isOffset(offset)) return undefined;
  return isDuplicate ? { offset, duplicate: true } : { offset };
}

/** On a Redis without slots. */
const ALONE = 0;

export class PublishBatches implements BatchPublisher {
  readonly #parts: PublishBatchesParts;
  /** What has been asked for in this turn, or while more of what was asked for before is to be sent. */
  #waiting: Waiting[] = [];
  /** Groups of which only a part has been sent: what is asked for later goes behind them. */
  #unsent = 0;

  constructor(parts: PublishBatchesParts) {
    this.#parts = parts;
  }

  /** Whether something waits here that a message sent by itself would overtake. */
  get isHolding(): boolean {
    return this.#waiting.length > 0 || this.#unsent > 0;
  }

  publishMany(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const { store } = this.#parts;
    // WAIT speaks of a connection of its own, and there they go out together too.
    if (publications.some(({ waitReplicas = 0 }) => waitReplicas > 0)) return publishEach(store, publications);
    return Promise.all(publications.map((publication) => this.#publish(publication)));
  }

  /** One by itself, behind what waits; throws what it failed with. */
  async publishBehind(publication: Publication): Promise<Stored> {
    const [outcome] = await this.publishMany([publication]);
    if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? foreignAnswer('an offset');
    return outcome;
  }

  #publish(publication: Publication): Promise<PublishOutcome> | PublishOutcome {
    const { maxMessageBytes } = this.#parts;
    try {
      checkPublication(publication, maxMessageBytes);
    } catch (error) {
      return { error: toFanfareError(error, 'read') };
    }
    const { data } = publication;
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    return new Promise((resolve) => {
      this.#waiting.push({ publication, bytes, resolve });
      if (this.#waiting.length === 1) atOnce(() => this.#flush());
    });
  }

  #flush(): void {
    if (this.#unsent > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    const bySlot = new Map<number, Waiting[]>();
    for (const one of waiting) {
      const slot = this.#parts.connection.cluster === undefined ? ALONE : slotOf(one.publication.channel);
      const others = bySlot.get(slot);
      if (others === undefined) bySlot.set(slot, [one]);
      else others.push(one);
    }
    for (const group of bySlot.values()) void this.#send(group);
  }

  /** In calls one after the other: behind one that failed, nothing is stored. Never rejects. */
  async #send(group: readonly Waiting[]): Promise<void> {
    const parts = partsOf(group);
    const last = parts.pop() ?? [];
    let failure: FanfareError | undefined;
    if (parts.length > 0) this.#unsent++;
    for (const part of parts) failure = await this.#sendBehind(part, failure);
    const sent = this.#sendBehind(last, failure);
    // The last is on its way, and what waits follows it.
    if (parts.length > 0 && --this.#unsent === 0) this.#flush();
    await sent;
  }

  async #sendBehind(part: readonly Waiting[], failure: FanfareError | undefined): Promise<FanfareError | undefined> {
    if (failure === undefined) return this.#call(part);
    for (const { resolve } of part) resolve({ error: unavailableError('what came before it failed', failure) });
    return failure;
  }

  /** Answers what failed as a whole. */
  async #call(part: readonly Waiting[]): Promise<FanfareError | undefined> {
    const { connection, note } = this.#parts;
    try {
      const { keys, args } = encode(connection.prefix, part);
      const answers = await connection.call('write', 'publish_many', keys, args);
      if (!Array.isArray(answers) || answers.length !== part.length) throw foreignAnswer('offsets');
      for (const [index, { publication, resolve }] of part.entries()) {
        const answer = String(answers[index]);
        const stored = storedAs(answer);
        if (stored !== undefined) resolve(stored);
        else resolve({ error: note(toFanfareError(new Error(answer), 'write'), publication.channel) });
      }
      return undefined;
    } catch (cause) {
      const error = toFanfareError(cause, 'write');
      for (const { publication, resolve } of part) resolve({ error: note(error, publication.channel) });
      return error;
    }
  }
}

/** No more in each than a call takes. */
function partsOf(group: readonly Waiting[]): (readonly Waiting[])[] {
  const parts: Waiting[][] = [];
  let part: Waiting[] = [];
  let bytes = 0;
  for (const one of group) {
    bytes += one.bytes;
    if (part.length === MOST_OF_A_CALL.messages || (bytes > MOST_OF_A_CALL.bytes && part.length > 0)) {
      parts.push(part);
      part = [];
      bytes = one.bytes;
    }
    part.push(one);
  }
  return [...parts, part];
}

/** The log and tail of each channel once, and each idempotency key; then for each message the places of its own. */
function encode(prefix: string, part: readonly Waiting[]) {
  const keys: string[] = [];
  const args: (string | number | Buffer)[] = [];
  const logs = new Map<string, number>();
  for (const { publication } of part) {
    const { channel, data, key, from } = publication;
    const base = `${prefix}:{${channel}}`;
    const log = logs.get(channel) ?? keys.push(`${base}:log`, `${base}:tail`) - 1;
    logs.set(channel, log);
    args.push(log, data, key === undefined ? 0 : keys.push(`${base}:key:${key}`), from ?? '');
  }
  if (part.some(({ publication }) => publication.key !== undefined)) args.push(TELL);
  return { keys, args };
}
