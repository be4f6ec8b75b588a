// What `subscribe` gives to the application.

import type { After } from '../src/protocol/index.js';
import { type Channel, isFilled, isLate, type Reader, type SubscriptionEvents } from './channel.js';
import { createEmitter } from './emitter.js';
import { createFailure } from './errors.js';
import { CLOSE_NORMAL } from './numbers.js';
import { createReading } from './reading.js';
import type { Gap, Message, SubscribeOptions, Subscription, SubscriptionState } from './types.js';

/** Subscriptions that end so have not failed. */
const ON_PURPOSE = /^(unsubscribed|closed|logged_out)$/;

/**
 * `join` puts a reader onto the channel, one that `isLate` with what it has missed; it returns what takes it away. `left` is called when the
 * application ends it.
 */
export const createSubscription = <T>(
  channel: Channel,
  { after = 'now', gaps, signal }: SubscribeOptions,
  join: (reader: Reader, isLate: After | undefined) => () => void,
  left: () => void,
): Subscription<T, Message<T> | Gap> => {
  const emitter = createEmitter<SubscriptionEvents>();
  const { on } = emitter;
  /** Its own: others of the channel may be elsewhere, and go on when this one has ended. */
  let position = after === 'now' ? channel.position : after;
  const late = isLate(after, channel) ? after : undefined;
  let state: SubscriptionState = { type: 'pending' };
  if (!late && channel.state.type === 'subscribed') state = { ...channel.state, offset: position, recovered: true };
  let leave = () => {};

  const unsubscribe = () => {
    if (state.type === 'closed') return;
    read('state', { type: 'closed', code: 'unsubscribed' });
    left();
  };
  const reading = createReading<Message<T> | Gap>(unsubscribe);

  const read: Reader = (type, value) => {
    if (state.type === 'closed') return;
    if (type === 'state') {
      state = value as SubscriptionState;
      if (state.type === 'subscribed') {
        if (position === 'now') position = state.offset;
      } else if (state.type === 'closed') {
        leave();
        signal?.removeEventListener('abort', unsubscribe);
        const { code } = state;
        reading.end(
          ON_PURPOSE.test(code) ? undefined : createFailure(CLOSE_NORMAL, code, code, { channel: channel.name }),
        );
      }
    } else {
      const { offset } = value as Gap | Message;
      if (type === 'gap' ? isFilled(value as Gap, position) : offset && offset <= position) return;
      position = offset ?? position;
      reading.push(() => {
        if (type === 'gap' && gaps !== 'yield') {
          const gap = value as Gap;
          throw createFailure(CLOSE_NORMAL, 'gap', `messages are missing: ${gap.reason}`, {
            channel: channel.name,
            gap,
          });
        }
        return { value: value as Message<T> };
      });
    }
    emitter.emit(type, value);
  };

  leave = join(read, late);
  signal?.addEventListener('abort', unsubscribe);
  if (signal?.aborted) unsubscribe();
  return {
    channel: channel.name,
    get state() {
      return state;
    },
    get offset() {
      return position;
    },
    on(type: keyof SubscriptionEvents, listener: (value: never) => void) {
      if (type === 'message') reading.skip();
      return on(type, listener as () => void);
    },
    unsubscribe,
    [Symbol.asyncIterator]: reading.iterate,
  } as Subscription<T, Message<T> | Gap>;
};
