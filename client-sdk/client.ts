// The client: puts channels, publishes and the connection together behind the public surface.

import type { After, MessageEvent, Transport } from '../src/protocol/index.js';
import { type Channel, createChannel, receive, setState } from './channel.js';
import { createConnection } from './connection.js';
import { createEmitter } from './emitter.js';
import { CLOSE_REFUSED, createFailure, type Failure, isFinal, misuse } from './errors.js';
import type { OpenLink } from './link.js';
import { createOutbox } from './outbox.js';
import type { Settings } from './settings.js';
import { createSubscription } from './subscription.js';
import { createTimers } from './timers.js';
import type { Client, ClientError, ClientState } from './types.js';

/** Delay before a subscribe that was refused for now is repeated, on top of what the node asks for. */
const RESUBSCRIBE_MS = 1_000;

/** The contract's rules for names and offsets (`channel-name.ts`, `offset.ts`) in their shortest form; a test holds them together. */
export const NAME = /^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/;
export const AFTER = /^(-1|now|\d{13}-\d{16})$/;

function check(name: string, after: After = 'now') {
  if (!NAME.test(name)) misuse('channel');
  if (!AFTER.test(after)) misuse('after');
}

export function assembleClient(settings: Settings, transports: readonly Transport[], openLink: OpenLink): Client {
  const { on, emit } = createEmitter<{ state: ClientState; error: ClientError }>();
  const timers = createTimers(settings.clock);
  const channels = new Map<string, Channel>();
  let syncing = false;

  const end = (channel: Channel, code: string) => {
    channels.delete(channel.name);
    setState(channel, { type: 'closed', code });
    sync();
  };

  const refuse = (name: string, failure: Failure) => {
    const channel = channels.get(name);
    if (!channel) return;
    if (isFinal(failure)) end(channel, failure.code);
    else timers.set(sync, RESUBSCRIBE_MS + (failure.retryAfterMs ?? 0), sync);
    emit('error', createFailure(failure.close, failure.code, failure.message, { channel: name }));
  };

  const connection = createConnection(settings, openLink, {
    transports,
    channels,
    refuse,
    receive(event, line) {
      const channel = channels.get((event as MessageEvent).channel);
      if (channel) receive(channel, event, line);
      if (event.type === 'unsubscribed' && event.code) refuse(event.channel, createFailure(CLOSE_REFUSED, event.code));
    },
    failed: (failure) => emit('error', failure),
    changed(state) {
      if (state.type === 'connected') outbox.restart();
      else {
        for (const channel of channels.values()) {
          channel.line = undefined;
          if (state.type === 'closed') end(channel, state.reason);
          else setState(channel, { type: 'pending' });
        }
      }
      if (state.type === 'closed') {
        outbox.close(state.reason);
        timers.clearAll();
      }
      emit('state', state);
    },
  });
  const outbox = createOutbox(settings, connection.publish);

  /** Once for all that changes in one turn. */
  const sync = () => {
    if (syncing) return;
    syncing = true;
    queueMicrotask(() => {
      syncing = false;
      connection.sync();
    });
  };

  return {
    get state() {
      return connection.state;
    },
    subscribe(name, options = {}, listener) {
      const { after = 'now' } = options;
      check(name, after);
      const channel = channels.get(name) ?? createChannel(name, after);
      if (after !== 'now' && after !== channel.position) misuse('after');
      channels.set(name, channel);
      sync();
      const subscription = createSubscription<never>(channel, options, settings.maxQueued, () => {
        if (channel.emitters.size || channels.get(name) !== channel) return;
        channels.delete(name);
        sync();
      });
      if (listener) subscription.on('message', listener);
      if (connection.state.type === 'closed') end(channel, connection.state.reason);
      return subscription;
    },
    publish(name, data, options = {}) {
      check(name);
      sync();
      const published = outbox.add(name, data, options);
      if (connection.state.type === 'closed') outbox.close(connection.state.reason);
      return published;
    },
    on: on as Client['on'],
    close: connection.close,
  };
}
