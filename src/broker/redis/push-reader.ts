// Takes the messages of subscriptions out of what Redis sends and leaves the rest to the client, which takes four times as long for each.

import type { Redis } from 'ioredis';
import { endOfReply, line, readNumber } from './reply-length.js';
import { StrayReplyError } from './stray-replies.js';

const LF = 0x0a;
const ARRAY = 0x2a;
const PUSH = 0x3e;
const DOLLAR = 0x24;

/** Takes a message: its bus name, and its payload in memory that nobody else writes to. Must not throw. */
export type TakeMessage = (busName: string, payload: Buffer) => void;

/** The bytes of one connection, however the network has cut them. */
export class PushReader {
  /** What a message begins with behind the type of the reply, up to the length of its name. */
  readonly #head: Buffer;
  readonly #take: TakeMessage;
  /** Of a reply that is not whole yet. */
  #parts: Buffer[] = [];
  #held = 0;
  /** So many bytes are needed before it is worth another look. */
  #needed = 0;
  /** What came is no reply: everything from there on is the client's. */
  #isLost = false;

  constructor(kind: 'message' | 'smessage', take: TakeMessage) {
    this.#head = Buffer.from(`3\r\n$${kind.length}\r\n${kind}\r\n$`);
    this.#take = take;
  }

  /** Whether it is of no use any more: see {@link read}. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Hands on the whole messages of what has come, and to `leave` everything else: whole replies, in order. */
  read(chunk: Buffer, leave: (rest: Buffer) => void): void {
    if (this.#isLost) return leave(chunk);
    const bytes = this.#join(chunk);
    if (bytes === undefined) return;
    let begin = 0; // of what is left to the client
    let at = 0;
    let end = 0;
    while (at < bytes.length) {
      const isMessage = this.#isMessage(bytes, at);
      if (isMessage && begin < at) {
        leave(bytes.subarray(begin, at));
        begin = at;
      }
      end = isMessage ? this.#message(bytes, at) : endOfReply(bytes, at);
      if (!(end > 0)) break;
      at = end;
      if (isMessage) begin = end;
    }
    this.#isLost = Number.isNaN(end);
    if (this.#isLost) return leave(bytes.subarray(begin));
    if (begin < at) leave(bytes.subarray(begin, at));
    this.#hold(bytes, at, end);
  }

  /** All that is held with what has come, once it may be whole. */
  #join(chunk: Buffer): Buffer | undefined {
    if (this.#held === 0) return chunk;
    this.#parts.push(chunk);
    this.#held += chunk.length;
    return this.#held < this.#needed ? undefined : Buffer.concat(this.#parts);
  }

  #hold(bytes: Buffer, at: number, end: number): void {
    this.#held = bytes.length - at;
    this.#parts = this.#held === 0 ? [] : [bytes.subarray(at)];
    this.#needed = Math.abs(end) - at;
  }

  #isMessage(bytes: Buffer, at: number): boolean {
    const type = bytes[at];
    if (type !== PUSH && type !== ARRAY) return false;
    const head = this.#head;
    for (let i = 0; i < head.length; i++) if (bytes[at + 1 + i] !== head[i]) return false;
    return true;
  }

  /** Hands on the message that begins at `at`, and answers as {@link endOfReply}. */
  #message(bytes: Buffer, at: number): number {
    const nameLength = this.#lengthAt(bytes, at + 1 + this.#head.length);
    if (!(nameLength >= 0)) return nameLength;
    const nameAt = line.end;
    const nameEnd = nameAt + nameLength;
    if (nameEnd + 2 >= bytes.length) return -(nameEnd + 3);
    if (bytes[nameEnd + 2] !== DOLLAR) return Number.NaN;
    const payloadLength = this.#lengthAt(bytes, nameEnd + 3);
    if (!(payloadLength >= 0)) return payloadLength;
    const payloadAt = line.end;
    const payloadEnd = payloadAt + payloadLength;
    if (payloadEnd + 2 > bytes.length) return -(payloadEnd + 2);
    this.#take(bytes.toString('latin1', nameAt, nameEnd), bytes.subarray(payloadAt, payloadEnd));
    return payloadEnd + 2;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    if (readNumber(bytes, at)) return line.value >= 0 ? line.value : Number.NaN;
    return bytes.indexOf(LF, at) === -1 ? -(bytes.length + 1) : Number.NaN;
  }
}

/**
 * From its next connection on, takes the messages out of what a client reads, as they are read; unless `readsPushes` is false: then
 * the client reads them, as everything else.
 */
export function takeMessages(
  client: Redis,
  kind: 'message' | 'smessage',
  readsPushes: boolean | undefined,
  take: TakeMessage,
): void {
  if (readsPushes !== false) return readPushes(client, kind, take);
  client.on(`${kind}Buffer`, (busName: Buffer, payload: Buffer) => take(busName.toString('latin1'), payload));
}

function readPushes(client: Redis, kind: 'message' | 'smessage', take: TakeMessage): void {
  client.on('connect', () => {
    const { stream } = client;
    const reader = new PushReader(kind, take);
    const push = stream.push.bind(stream);
    const leave = (rest: Buffer): void => void push(rest);
    // What the socket has read goes through `push`, and from there to whoever listens: here it is seen first.
    stream.push = (chunk, encoding) => {
      if (!Buffer.isBuffer(chunk)) return push(chunk, encoding);
      reader.read(chunk, leave);
      // The client may take what is no reply for one, and then nobody would take the messages behind it.
      if (reader.isLost && !stream.destroyed) {
        stream.destroy(new StrayReplyError('what came is neither an answer nor a message'));
      }
      return true;
    };
  });
}
