// The client: puts channels, publishes and the connection together behind the public surface.

import type { MessageEvent, Transport } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { type Channel, receive, setState } from './channel.js';
import { createConnection } from './connection.js';
import { createEmitter } from './emitter.js';
import { type Coded, createRefusal, type Failure, isFinal, misuse } from './errors.js';
import type { OpenLink } from './link.js';
import { REPEAT_FAILURES } from './numbers.js';
import { createOutbox } from './outbox.js';
import type { Settings } from './settings.js';
import { createSubscription } from './subscription.js';
import type { Client, ClientError, ClientState } from './types.js';

// The contract's rules for names and offsets (`channel-name.ts`, `offset.ts`) in their shortest form; a test holds them together.

const check = (name: string) => {
  if (!/^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/.test(name)) misuse('channel');
};

export const assembleClient = (settings: Settings, transports: readonly Transport[], openLink: OpenLink): Client => {
  const { on, emit } = createEmitter<{ state: ClientState; error: ClientError }>();
  const { timers, random } = settings;
  const channels = new Map<string, Channel>();
  let state: ClientState = { type: 'idle' };

  const end = (channel: Channel, code: string) => {
    channels.delete(channel.name);
    setState(channel, { type: 'closed', code });
    sync();
  };

  const endAll = (code: string) => {
    outbox.close(code);
    for (const channel of channels.values()) end(channel, code);
  };

  const refuse = (name: string, failure: Failure) => {
    const channel = channels.get(name);
    if (!channel) return;
    if (isFinal(failure)) end(channel, failure.code);
    else timers.set(sync, backoff(REPEAT_FAILURES, random(), failure.retryAfterMs));
    emit('error', failure);
  };

  const connection = createConnection(settings, openLink, {
    transports,
    channels,
    refuse,
    receive(event, line) {
      const channel = channels.get((event as MessageEvent).channel);
      if (channel) receive(channel, event, line);
      // The node has withdrawn the permission.
      if (event.type === 'unsubscribed' && event.code) refuse(event.channel, createRefusal(event as Coded));
    },
    error: (failure) => emit('error', failure),
    state(next) {
      state = next;
      if (next.type === 'connected') outbox.refresh();
      else if (next.type === 'closed') endAll(next.reason);
      else {
        for (const channel of channels.values()) {
          channel.line = undefined;
          setState(channel, { type: 'pending' });
        }
      }
      emit('state', next);
    },
  });
  const outbox = createOutbox(settings, connection.publish);

  /** After all that changes in this turn; then again finds nothing to do. */
  const sync = () =>
    queueMicrotask(() => {
      if (state.type === 'closed') endAll(state.reason);
      else connection.sync();
    });

  return {
    get state() {
      return state;
    },
    subscribe(name, options = {}, listener) {
      const { after = 'now' } = options;
      check(name);
      const channel: Channel = channels.get(name) ?? {
        name,
        position: after,
        state: { type: 'pending' },
        subscribed: new Set(),
      };
      if (!/^(-1|now|\d{13}-\d{16})$/.test(after) || (after !== 'now' && after !== channel.position)) misuse('after');
      channels.set(name, channel);
      sync();
      const subscription = createSubscription<never>(channel, options, () => {
        if (channel.subscribed.size) return;
        channels.delete(name);
        sync();
      });
      if (listener) subscription.on('message', listener);
      return subscription;
    },
    publish(name, data, options = {}) {
      check(name);
      sync();
      return outbox.add(name, data, options);
    },
    on: on as Client['on'],
    close: connection.close,
  };
};
