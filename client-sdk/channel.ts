// One channel that the application wants: its position, its state, and what is delivered from it once and in order.

import type { After, Begin, GapEvent, LastMessages, MessageEvent, ServerEvent } from '../src/protocol/index.js';
import type { Source, Wanted } from './link.js';
import { ECHO_MS, MAX_ECHOES } from './numbers.js';
import type { SubscriptionState } from './types.js';

export interface SubscriptionEvents {
  message: MessageEvent;
  gap: GapEvent;
  state: SubscriptionState;
}

/** Takes what a channel tells to one subscription. */
export type Reader = <Type extends keyof SubscriptionEvents>(
  type: Type,
  value: SubscriptionEvents[Type],
  /** Where the channel was before it, or is; not of what comes from history. */
  before?: Begin,
) => void;

export interface Channel extends Wanted {
  position: Begin;
  state: SubscriptionState;
  /** What delivers: the newest that has said `subscribed`. Others are ignored. */
  source?: Source | undefined;
  /** Where the channel was when that began before it: it has to come by there, or its log is another. */
  unseen?: Begin | undefined;
  readonly readers: Set<Reader>;
  /** Live-only messages of lately, newest last: when they came, and which sources have brought them. */
  echoes: readonly (readonly [MessageEvent, atMs: number, Set<Source>])[];
}

export const createChannel = (name: string, position: Begin, maxPerSecond?: number): Channel => ({
  name,
  position,
  maxPerSecond,
  state: { type: 'pending' },
  readers: new Set(),
  echoes: [],
});

/** A reader that comes meanwhile begins with the next one, as the position says. */
const emit: (channel: Channel, ...event: Parameters<Reader>) => void = ({ readers }, ...event) => {
  for (const reader of [...readers]) if (readers.has(reader)) reader(...event);
};

export const setState = (channel: Channel, state: SubscriptionState): void => {
  channel.state = state;
  emit(channel, 'state', state, channel.position);
};

/**
 * Whether what was asked for begins beyond where the channel is: another has said meanwhile what `now`, `-1` or `last` stands for, or a gap has
 * set the position back. To take it would jump over what lies between.
 */
export const isStale = (begin: Begin | undefined, { position }: Wanted): boolean =>
  begin !== position && !(/^\d/.test(begin as string) && (begin as string) <= (position as string));

/** Whether all that a gap is about has been delivered meanwhile, over another way. */
export const isFilled = ({ after, offset, reason }: GapEvent, position: Begin): boolean =>
  after !== position && offset <= position && /^(trim|exp|conf)/.test(reason);

/** Whether a reader that begins there has to be given something from history before it can go on with the channel. */
export const isLate = (begin: Begin, { position }: Wanted): boolean =>
  typeof begin === 'object'
    ? begin.last !== (position as LastMessages).last
    : begin !== 'now' && begin !== position && !(/^\d/.test(position as string) && begin > (position as string));

/** Whether it has not been said yet which offset that is, and nothing is missing before it. */
export const isOpen = (position: Begin): boolean => !/^[-\d]/.test(position as string);

/** Whether it is the same live-only message over another way: it has no offset to tell by. */
const isEcho = (channel: Channel, event: MessageEvent, source: Source, nowMs: number): boolean => {
  const text = ({ data, from }: MessageEvent) => JSON.stringify([data, from]);
  const live = channel.echoes.filter(([, atMs]) => nowMs - atMs < ECHO_MS);
  const mine = text(event);
  const echo = live.find(([other, atMs, by]) => atMs >= source.sinceMs && !by.has(source) && text(other) === mine);
  if (echo) echo[2].add(source);
  else live.push([event, nowMs, new Set([source])]);
  channel.echoes = live.slice(-MAX_ECHOES);
  return !!echo;
};

/**
 * Takes one event that names the channel, from `source`, by the rules of a client's position (docs/PROTOCOL.md, 4.2).
 *
 * While one source takes over from another, delivery has gone on since the position that was asked for: `subscribed` never moves it back, and
 * an older one never takes over from a newer. When that says that not all was recovered, the position stays until the `gap` has come, so
 * that a source that dies in between cannot swallow the gap; a gap of messages that have been delivered meanwhile is none. A message at or
 * before the position was delivered already; one without an offset is live only, and comes at most once.
 *
 * Returns whether the channel has to be asked for again: a source that began before the position has not come by there, so its log is another.
 */
export const receive = (channel: Channel, event: ServerEvent, source: Source, nowMs: number): true | undefined => {
  const { position } = channel;
  if (event.type === 'subscribed') {
    const { offset, recovered } = event;
    const before = channel.source;
    if (before && before.order > source.order) return;
    channel.source = source;
    channel.unseen = offset === position ? undefined : position;
    if (isOpen(position) || (recovered && offset > (position as After))) channel.position = offset;
    if (before !== source) setState(channel, { type: 'subscribed', offset, recovered });
  } else if (channel.source === source && (event.type === 'message' || event.type === 'gap')) {
    const { offset } = event;
    if (offset === position) channel.unseen = undefined;
    if (event.type === 'gap') {
      if (isFilled(event, position)) return;
    } else if (offset ? offset <= (position as After) : isEcho(channel, event, source, nowMs)) return;
    else if (offset && channel.unseen === position) return true;
    channel.position = offset ?? position;
    emit(channel, event.type as 'gap', event as GapEvent, position);
  }
};
