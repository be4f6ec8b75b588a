// One client that follows a public channel by long polls of its URL, over one connection, and looks closely at what it is handed.

import { connect, type Socket } from 'node:net';
import type { LateTimes, Tally } from './tally.js';

/** Chosen: whoever lost its connection, or was refused, comes again after so long. */
const RETRY_MS = 1_000;
const HEAD_END = '\r\n\r\n';

/** What is published, so that whoever gets it can judge it. */
export interface Numbered {
  /** The channel. */
  readonly c: string;
  /** Its place in the channel's log, from 1. */
  readonly n: number;
  /** When it was published, in Unix milliseconds. */
  readonly t: number;
}

export interface PollerTarget {
  readonly host: string;
  readonly port: number;
  /** An address of this machine to come from: one has no more than some 28,000 connections to a port. */
  readonly from: string;
  readonly channel: string;
  /** The value of `Authorization`, where the channel is not public. */
  readonly authorization?: string;
  /** The status of each answer; others are failures. */
  readonly status: number;
}

/** Where it stands while it reads an answer. */
interface Head {
  readonly status: number;
  readonly bytes: number;
  readonly next: string;
  readonly cursor: string;
}

export class Poller {
  readonly #target: PollerTarget;
  readonly #tally: Tally;
  readonly #late: LateTimes;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;
  #text = '';
  #head: Head | undefined;
  #position = '';
  #cursor = '';
  /** The number of the last message that it was handed. */
  #last = 0;
  #answered = 0;

  constructor(target: PollerTarget, tally: Tally, late: LateTimes) {
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
    const socket = connect({ host, port, localAddress: from, noDelay: true });
    this.#socket = socket;
    this.#text = '';
    this.#head = undefined;
    socket.setEncoding('latin1');
    socket.once('connect', () => this.#ask());
    socket.on('data', (text) => this.#take(String(text)));
    socket.on('error', () => undefined);
    socket.once('close', () => this.#lost());
  }

  #lost(): void {
    if (this.#isClosed) return;
    this.#tally.failures++;
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }

  #ask(): void {
    const { host, channel, authorization } = this.#target;
    const begin = this.#position === '' ? 'last=1' : `offset=${this.#position}&live=long-poll&cursor=${this.#cursor}`;
    const token = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
    this.#socket?.write(`GET /v1/channels/${channel}?${begin} HTTP/1.1\r\nHost: ${host}\r\n${token}\r\n`);
  }

  #take(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text;
    const head = this.#head ?? this.#readHead();
    if (head === undefined || this.#text.length < head.bytes) return;
    const body = this.#text.slice(0, head.bytes);
    this.#text = this.#text.slice(head.bytes);
    this.#head = undefined;
    this.#answer(head, body);
    if (this.#isClosed) return;
    if (head.status === 200) this.#ask();
    else this.#retry = setTimeout(() => this.#ask(), RETRY_MS);
  }

  #readHead(): Head | undefined {
    const end = this.#text.indexOf(HEAD_END);
    if (end === -1) return undefined;
    const text = this.#text.slice(0, end + 2);
    this.#text = this.#text.slice(end + HEAD_END.length);
    this.#head = {
      status: Number(text.slice(9, 12)),
      bytes: Number(fieldOf(text, 'content-length') || 0),
      next: fieldOf(text, 'stream-next-offset'),
      cursor: fieldOf(text, 'stream-cursor'),
    };
    return this.#head;
  }

  #answer({ status, next, cursor }: Head, body: string): void {
    const tally = this.#tally;
    tally.answers++;
    this.#answered++;
    if (status !== this.#target.status) tally.failures++;
    if (status !== 200) {
      if (body.includes('"n":')) tally.foreign++;
      return;
    }
    if (next === this.#position && cursor === this.#cursor) tally.loops++;
    const messages = JSON.parse(body) as readonly Numbered[];
    if (messages.length === 0) tally.empty++;
    const nowMs = Date.now();
    for (const message of messages) this.#judge(message, nowMs);
    this.#position = next;
    this.#cursor = cursor;
  }

  #judge({ c, n, t }: Numbered, nowMs: number): void {
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

/** The value of a header by its name in lower case, or nothing. */
function fieldOf(head: string, name: string): string {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)\\r\\n`, 'i').exec(head)?.[1] ?? '';
}
