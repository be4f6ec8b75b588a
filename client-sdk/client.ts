// The client: puts channels, publishes and the connection together behind the public surface.

import type { After, MessageEvent, Transport } from '../src/protocol/index.js';
import { backoff } from './backoff.js';
import { type Channel, createChannel, type Reader, receive, setState } from './channel.js';
import { createConnection } from './connection.js';
import { createEmitter } from './emitter.js';
import { createFailure, type Failure, type FanfareError, isFinal, misuse } from './errors.js';
import { joinLate } from './late-reader.js';
import type { OpenLink } from './link.js';
import { CLOSE_NORMAL, REPEAT_FAILURES } from './numbers.js';
import { createOutbox } from './outbox.js';
import { createPace } from './pace.js';
import type { Settings } from './settings.js';
import { createSubscription } from './subscription.js';
import type { Client, ClientState, SubscribeOptions } from './types.js';

// The contract's rules for names and offsets (`channel-name.ts`, `offset.ts`) in their shortest form; a test holds them together.

const check = (name: string) => {
  if (typeof name !== 'string' || !/^(?!:|\.\.?$|[^:]*:$)[\w.:@=+~-]{1,200}$/.test(name)) {
    misuse('channel', name, 'the name of a channel');
  }
};

const checkAfter = (after: After) => {
  if (typeof after !== 'string' || !/^(-1|now|\d{13}-\d{16})$/.test(after))
    misuse('after', after, 'an offset, "-1" or "now"');
};

export const assembleClient = (settings: Settings, transports: readonly Transport[], openLink: OpenLink): Client => {
  const { on, emit } = createEmitter<{ state: ClientState; error: FanfareError }>();
  const { timers, random, clock } = settings;
  const channels = new Map<string, Channel>();
  let state: ClientState = { type: 'idle' };

  const end = (channel: Channel, code: string) => {
    channels.delete(channel.name);
    setState(channel, { type: 'closed', code });
    sync();
  };

  const endAll = (code: string) => {
    outbox.close(code);
    for (const channel of [...channels.values()]) end(channel, code);
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
    receive(event, source) {
      const channel = channels.get((event as MessageEvent).channel);
      if (channel) receive(channel, event, source, clock.monotonic());
    },
    error: (failure) => emit('error', failure),
    state(next) {
      state = next;
      if (next.type === 'connected') outbox.refresh();
      else if (next.type === 'closed') endAll(next.reason);
      else {
        for (const channel of [...channels.values()]) {
          channel.source = undefined;
          setState(channel, { type: 'pending' });
        }
      }
      emit('state', next);
    },
  });
  const outbox = createOutbox(settings, connection.publish);

  /** After all that changes in this turn, or a little later; then again finds nothing to do. */
  const pace = createPace(settings, () => {
    if (state.type === 'closed') return;
    connection.connect();
    connection.sync();
  });
  const sync = () => {
    if (state.type !== 'closed') pace();
  };

  /** Nobody may be left who reads a channel. */
  const leave = (channel: Channel) => {
    if (channel.readers.size || channels.get(channel.name) !== channel) return;
    channels.delete(channel.name);
    sync();
  };

  /** Puts a reader onto a channel; returns what takes it away. */
  const join = (channel: Channel, reader: Reader, late: After | undefined) => {
    if (late) {
      const ask = (after: After) => connection.history(channel.name, after);
      return joinLate(settings, channel, late, reader, ask, (failure) => {
        reader('state', { type: 'closed', code: failure.code });
        leave(channel);
        emit('error', failure);
      });
    }
    channel.readers.add(reader);
    return () => channel.readers.delete(reader);
  };

  return {
    get state() {
      return state;
    },
    subscribe(name: string, options: SubscribeOptions = {}, listener?: (message: never) => void) {
      check(name);
      const { after = 'now', gaps = 'throw' } = options;
      checkAfter(after);
      if (!/^(throw|yield)$/.test(gaps)) misuse('gaps', gaps, '"throw" or "yield"');
      if (listener !== undefined && typeof listener !== 'function') misuse('listener', listener, 'a function');
      if (state.type === 'closed') throw createFailure(CLOSE_NORMAL, 'closed', `the client is closed: ${state.reason}`);
      const channel = channels.get(name) ?? createChannel(name, after);
      const { maxChannels } = connection;
      if (channels.size >= maxChannels && !channels.has(name)) {
        throw createFailure(CLOSE_NORMAL, 'too_many_channels', `a client has at most ${maxChannels} channels`, {
          channel: name,
        });
      }
      channels.set(name, channel);
      sync();
      const subscription = createSubscription(
        channel,
        options,
        (reader, late) => join(channel, reader, late),
        () => leave(channel),
      );
      if (listener) subscription.on('message', listener as () => void);
      return subscription;
    },
    publish(name, data, options = {}) {
      check(name);
      if (state.type === 'closed') return Promise.reject(createFailure(CLOSE_NORMAL, state.reason));
      const published = outbox.add(name, data, options);
      if (state.type === 'idle') sync();
      return published;
    },
    on: on as Client['on'],
    connect: connection.connect,
    close: connection.close,
  } as Client;
};
