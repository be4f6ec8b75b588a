// One channel that the application wants: its position, its state, and what is delivered from it once and in order.

import type { After, GapEvent, MessageEvent, ServerEvent } from '../src/protocol/index.js';
import type { Emitter } from './emitter.js';
import type { Wanted } from './link.js';
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

/**
 * Takes one event that names the channel, from `line`, by the rules of a client's position (docs/PROTOCOL.md, 4.2).
 *
 * While one line takes over from another, delivery has gone on since the position that was asked for: `subscribed` never
 * moves it back. When that says that not all was recovered, the position stays until the `gap` has come, so that a line that
 * dies in between cannot swallow the gap. A message at or before the position was delivered already; one without an
 * offset is live only and never was.
 */
export const receive = (channel: Channel, event: ServerEvent, line: object): void => {
  const { type, offset } = event as MessageEvent | GapEvent;
  const { position } = channel;
  if (event.type === 'subscribed') {
    channel.line = line;
    if (position === 'now' || (event.recovered && event.offset > position)) channel.position = event.offset;
    setState(channel, event);
  } else if (channel.line === line && (type === 'gap' || (type === 'message' && !(offset && offset <= position)))) {
    channel.position = offset ?? position;
    emit(channel, type, event as never);
  }
};
