// What `subscribe` gives to the application.

import type { After, Begin, MessageEvent } from '../src/protocol/index.js';
import { type Channel, isFilled, isLate, isOpen, type Reader } from './channel.js';
import { disposal } from './disposal.js';
import { createEmitter } from './emitter.js';
import { createChannelFailure } from './errors.js';
import { CLOSE_NORMAL } from './numbers.js';
import { createReading } from './reading.js';
import type { Gap, Message, SubscribeOptions, Subscription, SubscriptionState } from './types.js';

interface Events {
  message: Message;
  gap: Gap;
  state: SubscriptionState;
}

/** Subscriptions that end so have not failed. */
const ON_PURPOSE = /^(unsubscribed|closed|logged_out)$/;

/**
 * `join` puts a reader onto the channel, one that is `late` with what it has missed; it returns what takes it away. `left` is called when the
 * application ends it. `adorn` makes of an event what the application gets.
 */
export const createSubscription = <T>(
  channel: Channel,
  begin: Begin,
  { gaps, signal }: SubscribeOptions,
  adorn: (event: MessageEvent) => Message,
  join: (channel: Channel, reader: Reader, late: Begin | undefined) => () => void,
  left: (channel: Channel) => void,
): Subscription<T, Message<T> | Gap> => {
  const emitter = createEmitter<Events>(/^(message|gap|state)$/);
  const { on } = emitter;
  /** Its own: others of the channel may be elsewhere, and go on when this one has ended. */
  let position = begin === 'now' ? channel.position : begin;
  const late = isLate(begin, channel) ? begin : undefined;
  let state: SubscriptionState = { type: 'pending' };
  if (!late && channel.state.type === 'subscribed')
    state = { ...channel.state, offset: position as After, recovered: true };
  let leave = () => {};

  const unsubscribe = () => {
    if (state.type === 'closed') return;
    read('state', { type: 'closed', code: 'unsubscribed' });
    left(channel);
  };
  const reading = createReading<Message<T> | Gap>(unsubscribe);

  const read: Reader = (type, value, before = position) => {
    if (state.type === 'closed') return;
    if (type !== 'state') return take(type === 'gap' ? (value as Gap) : adorn(value as MessageEvent), before);
    const next = value as SubscriptionState;
    if (next.type === 'subscribed') {
      if (isOpen(position) || (position === '-1' && next.recovered)) position = next.offset;
      else if (isAhead(before)) return again();
    }
    if (next.type === state.type) return;
    state = next;
    if (state.type === 'closed') {
      leave();
      signal?.removeEventListener('abort', unsubscribe);
      const { code } = state;
      reading.end(ON_PURPOSE.test(code) ? undefined : createChannelFailure(channel.name, CLOSE_NORMAL, code));
    }
    emitter.emit('state', state);
  };

  /** Its channel has not come by where it is: the log may be another by now. */
  const isAhead = (before: Begin) => position !== '-1' && before !== position;
  /** History knows what is missing. */
  const again = () => {
    leave();
    leave = join(channel, read, position);
  };

  const take = (item: Gap | Message, before: Begin) => {
    const { offset } = item;
    if (item.type === 'gap' ? isFilled(item, position) : offset && offset <= position) return;
    // What the node left out may begin before that.
    const isBeside = (item as Message).skipped && before < position;
    if (item.type !== 'gap' && offset && isAhead(before) && !isBeside) return again();
    const at = position;
    position = offset ?? position;
    reading.push(() => {
      if (item.type === 'gap' && gaps !== 'yield') {
        throw createChannelFailure(channel.name, CLOSE_NORMAL, 'gap', item.reason, { gap: item });
      }
      return { value: item as Message<T> };
    }, at);
    emitter.emit(item.type as 'gap', item as Gap);
  };

  leave = join(channel, read, late);
  signal?.addEventListener('abort', unsubscribe);
  if (signal?.aborted) unsubscribe();
  return {
    channel: channel.name,
    get state() {
      return state;
    },
    get offset() {
      const at = reading.position ?? position;
      return typeof at === 'object' ? '-1' : at;
    },
    on(type: keyof Events, listener: (value: never) => void) {
      if (type === 'message') reading.skip();
      return on(type, listener as () => void);
    },
    [Symbol.asyncIterator]: reading.iterate,
    ...disposal('unsubscribe', unsubscribe),
  } as object as Subscription<T, Message<T> | Gap>;
};
