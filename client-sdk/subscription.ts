// What `subscribe` gives to the application.

import type { Channel, SubscriptionEvents } from './channel.js';
import { createEmitter } from './emitter.js';
import { createFailure, type Failure } from './errors.js';
import { CLOSE_NORMAL, MAX_QUEUED } from './numbers.js';
import type { Message, SubscribeOptions, Subscription } from './types.js';

/** `left` is called when the application ends it. */
export const createSubscription = <T>(
  channel: Channel,
  { signal }: SubscribeOptions,
  left: () => void,
): Subscription<T> => {
  const emitter = createEmitter<SubscriptionEvents>();
  const { on } = emitter;
  let { state } = channel;
  const unsubscribe = () => {
    if (state.type === 'closed') return;
    emitter.emit('state', { type: 'closed', code: 'unsubscribed' });
    left();
  };
  on('state', (next) => {
    state = next;
    if (next.type !== 'closed') return;
    channel.subscribed.delete(emitter);
    signal?.removeEventListener('abort', unsubscribe);
  });
  channel.subscribed.add(emitter);
  signal?.addEventListener('abort', unsubscribe);
  if (signal?.aborted) unsubscribe();
  const subscription: Subscription<T> = {
    channel: channel.name,
    get state() {
      return state;
    },
    get offset() {
      return channel.position;
    },
    on: on as Subscription<T>['on'],
    unsubscribe,
    [Symbol.asyncIterator]: () => iterate(subscription),
  };
  return subscription;
};

/** Messages from the first `next` on; at most `MAX_QUEUED` wait. */
async function* iterate<T>(subscription: Subscription<T>): AsyncGenerator<Message<T>, void> {
  const queue: Message<T>[] = [];
  let wake: (() => void) | undefined;
  let failure: Failure | undefined;
  const undoMessage = subscription.on('message', (message) => {
    if (queue.length < MAX_QUEUED) queue.push(message);
    else failure = createFailure(CLOSE_NORMAL, 'overflow');
    wake?.();
  });
  const undoState = subscription.on('state', () => wake?.());
  try {
    for (;;) {
      const message = queue.shift();
      if (message) yield message;
      else if (failure) throw failure;
      else if (subscription.state.type === 'closed') return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    undoMessage();
    undoState();
  }
}
