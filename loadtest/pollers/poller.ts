// One client that follows a public channel by long polls of its URL, over one connection, and looks closely at what it is handed.

import { connect, type Socket } from 'node:net';
import { type Answer, Answers, type Numbered } from './answer.js';
import type { LateTimes, Tally } from './tally.js';

/** Chosen: whoever lost its connection, or was refused, comes again after so long. */
const RETRY_MS = 1_000;
/** What is read is looked at before anything else is: all connections of a process read into one place. */
const SHARED = Buffer.allocUnsafe(64 * 1024);
const answers = new Answers();

export interface PollerTarget {
  readonly host: string;
  readonly port: number;
  /** An address of this machine to come from: one has no more than some 28,000 connections to a port. */
  readonly from: string;
  readonly channel: string;
  /** The value of `Authorization`, where the channel is not public. */
  readonly authorization?: string;
  /** It may read nothing there: each answer is a `401`. */
  readonly isStranger?: boolean;
}

export class Poller {
  readonly #target: PollerTarget;
  readonly #tally: Tally;
  readonly #late: LateTimes;
  readonly #request: readonly [begin: string, end: string];
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #text = '';
  #position = '';
  #cursor = '';
  /** The number of the last message that it was handed. */
  #last = 0;
  #answered = 0;

  constructor(target: PollerTarget, tally: Tally, late: LateTimes) {
    const { channel, host, authorization } = target;
    const token = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
    this.#request = [`GET /v1/channels/${channel}?`, ` HTTP/1.1\r\nHost: ${host}\r\n${token}\r\n`];
    this.#target = target;
    this.#tally = tally;
    this.#late = late;
    this.#open();
  }

  /** It waits for what comes. */
  get isLive(): boolean {
    return this.#answered > 0;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #open(): void {
    const { host, port, from } = this.#target;
    this.#text = '';
    const onread = {
      buffer: SHARED,
      callback: (bytes: number) => {
        this.#take(SHARED.toString('latin1', 0, bytes));
        return true;
      },
    };
    const socket = connect({ host, port, localAddress: from, noDelay: true, onread });
    this.#socket = socket;
    socket.once('connect', () => this.#ask());
    socket.on('error', () => undefined);
    socket.once('close', () => this.#lost(socket));
  }

  /** Unless it has another by now. */
  #lost(socket: Socket): void {
    if (this.#isClosed || socket !== this.#socket) return;
    this.#tally.broken++;
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }

  #ask(): void {
    const [begin, end] = this.#request;
    const place = this.#position === '' ? 'last=1' : `offset=${this.#position}&live=long-poll&cursor=${this.#cursor}`;
    this.#socket?.write(begin + place + end, 'latin1');
  }

  #take(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text;
    const answer = answers.read(this.#text);
    if (answer === undefined) return;
    this.#text = this.#text.slice(answer.bytes);
    const isExpected = this.#judge(answer);
    if (this.#isClosed) return;
    if (answer.isLast) this.#reopen();
    else if (isExpected && !this.#target.isStranger) this.#ask();
    else this.#retry = setTimeout(() => this.#ask(), RETRY_MS);
  }

  /** A server ends a connection when it has carried as much as it may: that is no failure. */
  #reopen(): void {
    const socket = this.#socket;
    this.#open();
    socket?.destroy();
  }

  /** Whether it is an answer that this poller may be given. */
  #judge({ status, next, cursor, messages, holdsMessage }: Answer): boolean {
    const [tally, { isStranger }] = [this.#tally, this.#target];
    tally.answers++;
    this.#answered++;
    // A wait that finds nothing ends with either, by whether the channel is public.
    const isExpected = isStranger ? status === 401 : status === 200 || status === 204;
    if (!isExpected) tally.refused++;
    if (isStranger || !isExpected) {
      if (holdsMessage) tally.foreign++;
      return isExpected;
    }
    if (next === this.#position && cursor === this.#cursor) tally.loops++;
    if (messages.length === 0) tally.empty++;
    const nowMs = messages.length === 0 ? 0 : Date.now();
    for (const message of messages) this.#count(message, nowMs);
    this.#position = next;
    this.#cursor = cursor;
    return true;
  }

  #count({ c, n, t }: Numbered, nowMs: number): void {
    const tally = this.#tally;
    if (c !== this.#target.channel) {
      tally.foreign++;
      return;
    }
    // Where it began is no delivery.
    if (this.#position !== '') {
      tally.messages++;
      this.#late.add(nowMs - t);
      if (n <= this.#last) tally.stale++;
      else if (n !== this.#last + 1 && this.#last > 0) tally.holes++;
    }
    this.#last = n;
  }
}
