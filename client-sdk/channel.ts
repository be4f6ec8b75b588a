// One channel that the application wants: its position, its state, and what is delivered from it once and in order.

import type { After, GapEvent, MessageEvent, ServerEvent } from '../src/protocol/index.js';
import type { Emitter } from './emitter.js';
import type { Wanted } from './link.js';
import { isDelivered, positionAfterSubscribed } from './position.js';
import type { SubscriptionState } from './types.js';

export interface SubscriptionEvents {
  message: MessageEvent;
  gap: GapEvent;
  state: SubscriptionState;
}

export interface Channel extends Wanted {
  position: After;
  state: SubscriptionState;
  /** The line that delivers: the one that said `subscribed` last. Others are ignored. */
  line?: object | undefined;
  readonly subscribed: Set<Emitter<SubscriptionEvents>>;
}

const emit = <Type extends keyof SubscriptionEvents>(channel: Channel, type: Type, value: SubscriptionEvents[Type]) => {
  for (const emitter of channel.subscribed) emitter.emit(type, value);
};

/** Does nothing where the state is of that type already. */
export const setState = (channel: Channel, state: SubscriptionState): void => {
  if (channel.state.type === state.type) return;
  channel.state = state;
  emit(channel, 'state', state);
};

/** Takes one event that names the channel, from `line`. */
export const receive = (channel: Channel, event: ServerEvent, line: object): void => {
  const { type, offset } = event as MessageEvent | GapEvent;
  if (event.type === 'subscribed') {
    const { offset, recovered } = event;
    channel.line = line;
    channel.position = positionAfterSubscribed(channel.position, offset, recovered);
    setState(channel, { type: 'subscribed', offset, recovered });
  } else if (
    channel.line === line &&
    (type === 'gap' || (type === 'message' && !isDelivered(channel.position, offset)))
  ) {
    channel.position = offset ?? channel.position;
    emit(channel, type, event as never);
  }
};
