// The client: puts channels, publishes and the connection together behind the public surface.

import type { After, MessageEvent, Transport } from '../src/protocol/index.js';
import { type Channel, createChannel, receive, setState } from './channel.js';
import { createConnection } from './connection.js';
import { createEmitter } from './emitter.js';
import { CLOSE_REFUSED, createFailure, type Failure, misuse } from './errors.js';
import type { OpenLink } from './link.js';
import { createOutbox } from './outbox.js';
import type { Settings } from './settings.js';
import { createSubscription } from './subscription.js';
import type { Client, ClientError, ClientState } from './types.js';

/** The contract's rules for names and offsets (`channel-name.ts`, `offset.ts`) in their shortest form; a test holds them together. */
const NAME = /^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/;
const AFTER = /^(-1|now|\d{13}-\d{16})$/;

function check(name: string, after: After = 'now') {
  if (!NAME.test(name)) misuse('channel');
  if (!AFTER.test(after)) misuse('after');
}

export function assembleClient(settings: Settings, transports: readonly Transport[], openLink: OpenLink): Client {
  const { on, emit } = createEmitter<{ state: ClientState; error: ClientError }>();
  const channels = new Map<string, Channel>();
  const outbox = createOutbox(settings);
  let syncing = false;

  const refuse = (name: string, failure: Failure) => {
    const channel = channels.get(name);
    if (!channel) return;
    channels.delete(name);
    setState(channel, { type: 'closed', code: failure.code });
    emit('error', Object.assign(failure, { channel: name }));
    sync();
  };

  const connection = createConnection(settings, openLink, {
    transports,
    channels,
    receive(event, line) {
      const channel = channels.get((event as MessageEvent).channel);
      if (channel) receive(channel, event, line);
      if (event.type === 'unsubscribed' && event.code) refuse(event.channel, createFailure(CLOSE_REFUSED, event.code));
    },
    refuse,
    detach(line) {
      for (const channel of channels.values()) {
        if (channel.line !== line) continue;
        channel.line = undefined;
        setState(channel, { type: 'pending' });
      }
    },
    use: outbox.use,
    failed: (failure) => emit('error', failure),
    changed(state) {
      if (state.type === 'closed') {
        outbox.close(state.reason);
        endAll(state.reason);
      }
      emit('state', state);
    },
  });

  const endAll = (code: string) => {
    for (const channel of channels.values()) setState(channel, { type: 'closed', code });
    channels.clear();
  };

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
      if (connection.state.type === 'closed') endAll(connection.state.reason);
      return subscription;
    },
    publish(channel, data, options = {}) {
      check(channel);
      sync();
      return outbox.add(channel, data, options);
    },
    on: on as Client['on'],
    close: connection.close,
  };
}
