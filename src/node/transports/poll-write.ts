// Writes the answer to a poll: per channel the messages after a position, each text built once for all who ask the same.

import { type GapReason, HEADERS, type Offset, type PolledGap, type PollRequest } from '../../protocol/index.js';
import type { Channel } from '../channels/channel.js';
import { buildMessage, type ChannelMessage, framePrefix, passingFrames } from '../channels/message.js';
import { Newest } from '../channels/newest.js';
import type { FollowUps } from '../clients/http-clients.js';
import { AnswerKind, type HttpCall, JSON_ANSWER, JSON_HEADERS } from './call.js';
import type { Finding } from './poll-look.js';

/** Channels of which a text is kept for clients that ask the same within a moment. */
const MAX_KEPT = 16;
/** Chosen: channels of one answer with more that are remembered for a client; a poll that names others too is not free. */
const MAX_FOLLOW_UPS = 32;
/** More than a channel keeps in memory: bytes are what bounds an answer. */
const MAX_MESSAGES = 1_024;

const MOVE = { [HEADERS.move]: '1' } as const;
const EMPTY_HEADERS = { 'Cache-Control': 'no-store' } as const;
const MESSAGES = { stay: JSON_ANSWER, move: new AnswerKind(200, { ...JSON_HEADERS, ...MOVE }) } as const;
const NOTHING = {
  stay: new AnswerKind(204, EMPTY_HEADERS),
  move: new AnswerKind(204, { ...EMPTY_HEADERS, ...MOVE }),
} as const;

/** The part of an answer that one channel takes. */
export interface AnswerPart {
  /** The position that the client has afterwards. */
  readonly offset: Offset;
  readonly more: boolean;
  /** How many are in it. */
  readonly messages: number;
  /** Why something before them is not. */
  readonly gap: GapReason | undefined;
}

/** Its text in a poll's answer. */
export interface PollPart extends AnswerPart {
  readonly name: string;
  readonly text: string;
}

export interface PollAnswer {
  readonly body: Buffer;
  /** Channels that have more, as many as are remembered, and where the next poll goes on. */
  readonly more: FollowUps | undefined;
  /** Messages in it. */
  readonly messages: number;
  /** What it tells of, by their reasons; absent: of none. */
  readonly gaps?: readonly GapReason[];
}

/** Where a poll's answer goes. */
export type PollCall = Pick<HttpCall, 'respondAs' | 'fail'> & {
  readonly exchange: Pick<HttpCall['exchange'], 'onAbort'>;
};

/** Writes and gives the answers of one kind of poll. */
export interface AnswerWriter<P extends AnswerPart> {
  /** Writes what was found within this turn; of channels that `conflated` has, only the newest of each value of that member. */
  parts(findings: readonly Finding[], conflated?: ReadonlyMap<string, string>): readonly P[];
  /** The answer that others have been given who asked the same; `undefined` where it has to be looked for. */
  known(channel: Channel, after: Offset, maxBytes: number): PollAnswer | undefined;
  /** Where a poll waits on of which nothing was found but positions; without it, or `undefined`: it is answered with what was found. */
  waitsFrom?(parts: readonly P[]): PollRequest['channels'] | undefined;
  answerOf(parts: readonly P[]): PollAnswer;
  /** `isMoving`: clients are to go to other nodes. */
  give(call: PollCall, answer: PollAnswer, isMoving: boolean): void;
  /** There was nothing new. */
  giveNothing(call: PollCall, isMoving: boolean): void;
}

/** What one channel has for everybody who asks after the same position, and the answer to those who ask for nothing else. */
interface Kept {
  readonly after: Offset;
  /** The channel's when it was written. */
  readonly position: Offset;
  /** The same: nothing was deleted since. */
  readonly generation: number;
  readonly maxBytes: number;
  readonly part: PollPart;
  answer: PollAnswer | undefined;
}

/** Its memory is a bounded convenience: losing it costs time only. */
export class PollWriter implements AnswerWriter<PollPart> {
  readonly #kept = new Map<Channel, Kept>();

  parts(findings: readonly Finding[], conflated?: ReadonlyMap<string, string>): readonly PollPart[] {
    return findings.map((finding) => this.#part(finding, conflated?.get(nameOf(finding))));
  }

  /**
   * The answer that others have been given who asked this channel alone after the same position: the same bytes for all of them.
   * `undefined` where it has to be looked for.
   */
  known(channel: Channel, after: Offset, maxBytes: number): PollAnswer | undefined {
    const kept = this.#find(channel, after, maxBytes);
    // Nothing too old is handed out, from wherever.
    if (kept === undefined || !channel.memory.isFresh(after)) return undefined;
    kept.answer ??= answerOf([kept.part]);
    return kept.answer;
  }

  answerOf(parts: readonly PollPart[]): PollAnswer {
    return answerOf(parts);
  }

  give(call: PollCall, { body }: PollAnswer, isMoving: boolean): void {
    call.respondAs(MESSAGES[isMoving ? 'move' : 'stay'], body);
  }

  giveNothing(call: PollCall, isMoving: boolean): void {
    call.respondAs(NOTHING[isMoving ? 'move' : 'stay']);
  }

  #find(channel: Channel, after: Offset, maxBytes: number): Kept | undefined {
    const kept = this.#kept.get(channel);
    if (kept === undefined || kept.maxBytes !== maxBytes || kept.after !== after) return undefined;
    const isGood = kept.position === channel.position && kept.generation === channel.generation;
    return isGood ? kept : undefined;
  }

  #part(finding: Finding, member: string | undefined): PollPart {
    switch (finding.kind) {
      case 'position':
        return part(finding.name, finding.offset, [], undefined, false);
      case 'memory': {
        const isOwn = finding.live.length > 0 || member !== undefined;
        return isOwn ? fromMemory(finding, member) : this.#shared(finding);
      }
      case 'page':
        return fromPage(finding, member);
    }
  }

  /** What others ask for too. */
  #shared(finding: Finding & { readonly kind: 'memory' }): PollPart {
    const { channel, after, maxBytes } = finding;
    const kept = this.#find(channel, after, maxBytes);
    if (kept !== undefined) return kept.part;
    const written = fromMemory(finding, undefined);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    const { position, generation } = channel;
    this.#kept.set(channel, { after, position, generation, maxBytes, part: written, answer: undefined });
    return written;
  }
}

/** The whole answer. */
function answerOf(parts: readonly PollPart[]): PollAnswer {
  let more: Map<string, Offset> | undefined;
  let texts = '';
  let messages = 0;
  let gaps: GapReason[] | undefined;
  for (const part of parts) {
    messages += part.messages;
    if (part.gap !== undefined) gaps = [...(gaps ?? []), part.gap];
    texts = texts === '' ? part.text : `${texts},${part.text}`;
    if (!part.more) continue;
    more ??= new Map();
    if (more.size < MAX_FOLLOW_UPS) more.set(part.name, part.offset);
  }
  return { body: Buffer.from(`{"channels":{${texts}}}`), more, messages, ...(gaps && { gaps }) };
}

/** Up to `maxBytes` of what is after a position, but at least one message, and all that is live-only. */
function fromMemory(
  { channel, after, live, maxBytes }: Finding & { readonly kind: 'memory' },
  member: string | undefined,
): PollPart {
  const found = logged(channel, after, maxBytes);
  const position = found.at(-1)?.offset ?? after;
  const texts = textsOf(found, member, after);
  for (const message of live) texts.push(message.pollText());
  return part(channel.name, position, texts, undefined, position !== channel.position);
}

function logged(channel: Channel, after: Offset, maxBytes: number) {
  return channel.after(after, MAX_MESSAGES, maxBytes) ?? [];
}

function fromPage(
  { name, after, page, live }: Finding & { readonly kind: 'page' },
  member: string | undefined,
): PollPart {
  const prefix = framePrefix(name);
  const messages = page.entries.map((entry) => buildMessage(prefix, entry, passingFrames));
  const texts = textsOf(messages, member, page.start);
  for (const message of live) texts.push(message.pollText());
  const offset = page.entries.at(-1)?.offset ?? page.start;
  const gap = page.gap === undefined ? undefined : { after, offset: page.start, reason: page.gap };
  return part(name, offset, texts, gap, page.more);
}

function nameOf(finding: Finding): string {
  return finding.kind === 'memory' ? finding.channel.name : finding.name;
}

/** All of them, or the newest of each value of a member. */
function textsOf(messages: readonly ChannelMessage[], member: string | undefined, after: Offset): string[] {
  if (member === undefined) return messages.map((message) => message.pollText());
  const newest = new Newest(member, after);
  for (const message of messages) newest.add(message);
  const texts: string[] = [];
  let sent = 0;
  for (let next = newest.after(sent); next !== undefined; next = newest.after(sent)) {
    const skipped = next.number - sent - 1;
    texts.push((skipped === 0 ? next.message : next.message.withSkipped(skipped)).pollText());
    sent = next.number;
  }
  return texts;
}

function part(
  name: string,
  offset: Offset,
  texts: readonly string[],
  gap: PolledGap | undefined,
  more: boolean,
): PollPart {
  const gapText = gap === undefined ? '' : `,"gap":${JSON.stringify(gap)}`;
  const text = `"${name}":{"offset":"${offset}","messages":[${texts.join(',')}]${gapText}${more ? ',"more":true' : ''}}`;
  return { name, text, offset, more, messages: texts.length, gap: gap?.reason };
}
