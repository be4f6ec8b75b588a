// One channel of the client that only reads: its position, its state, and what its subscription is told once and in order.

import type { Begin, MessageEvent, ServerEvent } from '../src/protocol/index.js';
import { isOpen } from './channel.js';
import { createEmitter, type Emitter } from './emitter.js';
import { toMessage } from './message.js';
import type { Gap, Message, SubscriptionState } from './types.js';

type Events = { state: SubscriptionState; message: Message; gap: Gap };

export interface SseReader {
  position: Begin;
  state: SubscriptionState;
  readonly on: Emitter<Events>['on'];
  take(event: ServerEvent): void;
  become(state: SubscriptionState): void;
}

/** `mine` says what the ids of this client's links begin with. */
export const createReader = (position: Begin, mine: () => string | undefined): SseReader => {
  const { on, emit } = createEmitter<Events>();
  const reader: SseReader = {
    position,
    state: { type: 'pending' },
    on,
    become(next) {
      const { type } = reader.state;
      if (type === 'closed' || type === next.type) return;
      reader.state = next;
      emit('state', next);
    },
    take(event) {
      const at = reader.position;
      if (event.type === 'subscribed') {
        const { offset, recovered } = event;
        if (isOpen(at) || recovered) reader.position = offset;
        reader.become({ type: 'subscribed', offset, recovered });
      } else if (event.type === 'gap') {
        reader.position = event.offset;
        emit('gap', event);
      } else if (event.type === 'message') {
        if (event.offset && event.offset <= (at as string)) return;
        reader.position = event.offset ?? at;
        emit('message', toMessage(event as MessageEvent, mine()));
      }
    },
  };
  return reader;
};

/** Throws `TypeError` where the channel's name or the beginning is none. */
export const beginOf = (name: string, after: unknown, last?: number): Begin => {
  if (!/^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/.test(name)) throw new TypeError(`bad channel: ${name}`);
  if (last !== undefined) {
    if (!/^(\d{1,3}|1000)$/.test(String(last)) || after) throw new TypeError(`bad last: ${last}`);
    return last ? { last } : 'now';
  }
  if (!/^(-1|now|\d{13}-\d{16})$/.test(String(after ?? 'now'))) throw new TypeError(`bad after: ${after}`);
  return (after ?? 'now') as Begin;
};
