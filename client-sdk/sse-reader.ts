// One channel of the client that only reads: its position, its state, and what its subscription is told once and in order.

import type { Begin, MessageEvent, Offset, ServerEvent } from '../src/protocol/index.js';
import { refuseArgument } from './arguments.js';
import { isOpen } from './channel.js';
import { disposal } from './disposal.js';
import { createEmitter } from './emitter.js';
import { toMessage } from './message.js';
import type { SseSubscription } from './sse-types.js';
import type { Gap, Message, SubscriptionState } from './types.js';

type Events = { state: SubscriptionState; message: Message; gap: Gap };

/** Fields that some events have. */
type AnyEvent = ServerEvent & { readonly offset?: Offset; readonly recovered?: boolean };

export interface SseReader {
  /** Where its next message comes after. */
  readonly position: Begin;
  /** What the application has of it. */
  readonly subscription: SseSubscription;
  take(event: AnyEvent): void;
  become(state: SubscriptionState): void;
}

/** `mine` says what the ids of this client's links begin with; `leave` is called when the application ends it. */
export const createReader = (
  channel: string,
  position: Begin,
  mine: () => string | undefined,
  leave: () => void,
): SseReader => {
  const { on, emit } = createEmitter<Events>(/^(message|gap|state)$/);
  let state: SubscriptionState = { type: 'pending' };
  const become = (next: SubscriptionState) => {
    if (state.type === 'closed' || state.type === next.type) return;
    state = next;
    emit('state', next);
  };
  return {
    become,
    get position() {
      return position;
    },
    take(event) {
      const { type, offset, recovered } = event;
      if (type === 'subscribed') {
        if (isOpen(position) || recovered) position = offset as Offset;
        become({ type, offset: offset as Offset, recovered: recovered as boolean });
      } else if (type === 'gap' || (type === 'message' && !(offset && offset <= (position as string)))) {
        position = offset ?? position;
        emit(type as 'gap', (type === 'gap' ? event : toMessage(event as MessageEvent, mine())) as Gap);
      }
    },
    subscription: {
      channel,
      get state() {
        return state;
      },
      get offset() {
        return typeof position === 'object' ? '-1' : position;
      },
      on: on as SseSubscription['on'],
      ...disposal('unsubscribe', leave),
    } as SseSubscription,
  };
};

/** Throws `TypeError` where the channel's name or the beginning is none. */
export const beginOf = (name: string, after: unknown, last?: number): Begin => {
  if (!/^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/.test(name)) refuseArgument('channel', name);
  if (last !== undefined) {
    if (!/^(\d{1,3}|1000)$/.test(last as never) || after) refuseArgument('last', last);
    return last ? { last } : 'now';
  }
  const begin = (after ?? 'now') as Begin;
  if (!/^(-1|now|\d{13}-\d{16})$/.test(begin as string)) refuseArgument('after', after);
  return begin;
};
