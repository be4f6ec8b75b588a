// One entry of the queue: read from Redis' answer, made a publication or refused, written as a dead letter.

import { FanfareError } from '../../lib/errors.js';
import { LIMITS } from '../../protocol/index.js';
import type { Publication } from '../broker.js';
import { checkChannel, checkSize } from '../publication.js';
import { unavailableError } from '../redis/errors.js';

/** An entry as it stands in the stream; what is longer than it may be is cut. */
export interface QueuedEntry {
  readonly id: string;
  readonly channel: Buffer | undefined;
  readonly data: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** Of the whole data. */
  readonly dataBytes: number;
  /** What is wrong with its fields; empty for nothing. */
  readonly problem: string;
}

const PRINTABLE = /^[!-~]+$/;

/** Part of the queue, as one read saw it. */
export interface QueuePage {
  readonly entries: readonly QueuedEntry[];
  /** The id of the last entry that was looked at, whether it is in `entries` or not; empty at the end of the queue. */
  readonly seenUpTo: string;
}

/** Reads the answer of `_ingest_next`. */
export function decodePage(answer: unknown): QueuePage {
  const [seenUpTo, rows]: unknown[] = Array.isArray(answer) ? answer : [];
  if (!Array.isArray(rows)) throw unavailableError('the queue in Redis gave an answer that is none');
  return { seenUpTo: String(seenUpTo), entries: rows.map(decodeEntry) };
}

function decodeEntry(row: unknown): QueuedEntry {
  const [id, channel, data, key, dataBytes, problem]: unknown[] = Array.isArray(row) ? row : [];
  return {
    id: String(id),
    channel: bufferOf(channel),
    data: bufferOf(data),
    key: bufferOf(key),
    dataBytes: Number(dataBytes),
    problem: String(problem),
  };
}

/**
 * What the entry asks to publish; without a key of its own, the entry's id is the key. Throws `bad_field`,
 * `bad_channel_name`, `bad_idempotency_key` or `payload_too_large`.
 */
export function publicationOf(entry: QueuedEntry, maxMessageBytes: number): Publication {
  const { id, data, problem, dataBytes } = entry;
  if (problem !== '' || data === undefined) throw new FanfareError('bad_field', problem);
  const channel = String(entry.channel);
  checkChannel(channel);
  const key = entry.key === undefined ? id : String(entry.key);
  if (!PRINTABLE.test(key) || key.length > LIMITS.idempotencyKeyLength) {
    throw new FanfareError('bad_idempotency_key', 'an idempotency key has 1..128 printable ASCII characters');
  }
  if (dataBytes > data.length) {
    throw new FanfareError(
      'payload_too_large',
      `a message has at most ${maxMessageBytes} bytes, this one ${dataBytes}`,
    );
  }
  checkSize(data, maxMessageBytes);
  return { channel, data, key: `b:${key}` };
}

/** Each channel's entries in the queue's order. */
export function byChannel(entries: readonly QueuedEntry[]): ReadonlyMap<string, readonly QueuedEntry[]> {
  const chains = new Map<string, QueuedEntry[]>();
  for (const entry of entries) {
    const channel = String(entry.channel);
    const chain = chains.get(channel);
    if (chain === undefined) chains.set(channel, [entry]);
    else chain.push(entry);
  }
  return chains;
}

/** The fields of a dead letter: why and which, then the entry's own, so that it can be mended and queued again. */
export function deadLetterOf(entry: QueuedEntry, error: FanfareError): (string | Buffer)[] {
  const fields: (string | Buffer)[] = ['code', error.code, 'reason', error.message, 'id', entry.id];
  for (const name of ['channel', 'data', 'key'] as const) {
    const value = entry[name];
    if (value !== undefined) fields.push(name, value);
  }
  return fields;
}

function bufferOf(value: unknown): Buffer | undefined {
  return Buffer.isBuffer(value) ? value : undefined;
}
