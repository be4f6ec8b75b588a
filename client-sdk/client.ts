// The client: puts channels, publishes and the connection together behind the public surface.

import type { Begin, MessageEvent, ServerEvent, Transport } from '../src/protocol/index.js';
import { aFunction, aSignal, check, checkOptions, isText, isWithin, misuse, type Rule } from './arguments.js';
import { backoff } from './backoff.js';
import { type Channel, createChannel, type Reader, receive, setState } from './channel.js';
import { aChannel } from './channel-rule.js';
import { type Connect, createConnection } from './connection.js';
import { disposal } from './disposal.js';
import { createEmitter } from './emitter.js';
import {
  createChannelFailure,
  createFailure,
  createTimeout,
  type Failure,
  type FanfareError,
  isFinal,
  toFailure,
} from './errors.js';
import { joinLate } from './late-reader.js';
import type { OpenLink, Wanted } from './link.js';
import { toMessage } from './message.js';
import { CLOSE_NORMAL, MAX_LAST, MAX_PER_SECOND, PUBLISH_TIMEOUT_MS, REPEAT_FAILURES } from './numbers.js';
import { createOutbox } from './outbox.js';
import { createPace } from './pace.js';
import type { Settings } from './settings.js';
import { createSubscription } from './subscription.js';
import type { Beginning, Client, ClientState, Connection, History, PublishOptions, SubscribeOptions } from './types.js';

// The contract's rule for offsets (`offset.ts`) in its shortest form; a test holds them together.
const BEGINNING: Readonly<Record<keyof Beginning, Rule>> = {
  after: isText(/^(-1|now|\d{13}-\d{16})$/),
  last: isWithin(0, MAX_LAST),
};
const SUBSCRIBE: Readonly<Record<keyof SubscribeOptions, Rule>> = {
  ...BEGINNING,
  gaps: isText(/^(throw|yield)$/),
  maxPerSecond: isWithin(1, MAX_PER_SECOND),
  signal: aSignal,
};

const beginOf = ({ after, last }: Beginning, otherwise: Begin): Begin => {
  if (last === undefined) return after ?? otherwise;
  if (after !== undefined) misuse('after', after, 'possible beside "last"');
  return last ? { last } : 'now';
};

export const assembleClient = <Channels extends object>(
  settings: Settings,
  transports: readonly Transport[],
  openLink: OpenLink,
  connect: Connect = createConnection,
): Client<Channels> => {
  const { on, emit } = createEmitter<{
    state: ClientState;
    error: FanfareError;
    event: ServerEvent;
    debug: readonly [string, unknown];
  }>(/^(state|error|event|debug)$/);
  const tell: typeof emit = (type, value) => {
    emit('debug', [type, value]);
    emit(type, value);
  };
  const { timers, random, clock, debug } = settings;
  if (debug) on('debug', (note) => debug(...note));
  const channels = new Map<string, Channel>();
  /** Those of them that a node is asked for: not the ones that it has refused for now. */
  const wanted = new Map<string, Channel>();
  let state: ClientState = { type: 'idle' };
  /** What looks whether it is connected, or closed. */
  const waiting = new Set<() => void>();

  const forget = ({ name }: Wanted) => {
    channels.delete(name);
    wanted.delete(name);
  };
  const end = (channel: Channel, code: string) => {
    forget(channel);
    setState(channel, { type: 'closed', code });
    sync();
  };

  const refuse = (refused: Wanted, failure: Failure) => {
    const { name } = refused;
    const channel = channels.get(name);
    // Whoever has subscribed anew since then was not asked for.
    if (channel !== refused) return;
    if (isFinal(failure)) end(channel, failure.code);
    else {
      wanted.delete(name);
      const again = () => {
        if (channels.get(name) === channel) wanted.set(name, channel);
        sync();
      };
      timers.set(again, backoff(REPEAT_FAILURES, random(), failure));
    }
    fail(failure);
  };
  const fail = (failure: Failure) => tell('error', failure);

  const connection = connect(settings, openLink, {
    transports,
    channels: wanted,
    refuse,
    receive(event, source) {
      tell('event', event);
      const channel = channels.get((event as MessageEvent).channel);
      return channel && receive(channel, event, source, clock.monotonic());
    },
    failed: fail,
    state(next) {
      state = next;
      // Before anybody is told, who may change it again.
      for (const look of [...waiting]) look();
      const { type } = next;
      if (type === 'connected') outbox.refresh();
      else {
        if (type === 'closed') outbox.close(next.reason);
        const all = [...channels.values()];
        // Whoever subscribes in a listener begins anew.
        if (type === 'closed') for (const channel of all) forget(channel);
        for (const channel of all) {
          channel.source = undefined;
          if (type === 'closed') setState(channel, { type, code: next.reason });
          else if (channels.get(channel.name) === channel) {
            // The next node may have room for it.
            wanted.set(channel.name, channel);
            setState(channel, { type: 'pending' });
          }
        }
      }
      // Unless a listener of a channel has closed the client.
      if (state === next) tell('state', next);
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
    forget(channel);
    sync();
  };

  /** Puts a reader onto a channel; returns what takes it away. */
  const join = (channel: Channel, reader: Reader, late: Begin | undefined) => {
    if (late) {
      return joinLate(settings, channel, late, reader, connection.history, (failure) => {
        reader('state', { type: 'closed', code: failure.code });
        leave(channel);
        fail(failure);
      });
    }
    channel.readers.add(reader);
    return () => channel.readers.delete(reader);
  };

  const adorn = (event: MessageEvent) => toMessage(event, connection.given.connection);

  const here = (): Connection | undefined => {
    const { connection: id, user } = connection.given;
    return state.type === 'connected' ? { id, user, node: state.node, transport: state.transport } : undefined;
  };

  /** What a client that is closed says to whoever wants something of it. */
  const refusal = (reason: string) => createFailure(CLOSE_NORMAL, reason, `the client is closed: ${reason}`);

  /** Without a limit, as long as it takes. */
  const ready = (limitMs?: number, what?: string) => {
    if (state.type === 'idle') connection.connect();
    return new Promise<Connection>((resolve, reject) => {
      const end = () => {
        waiting.delete(look);
        timers.delete(expire);
      };
      const expire = () => {
        end();
        reject(createTimeout(what));
      };
      const look = () => {
        const there = here();
        if (there) resolve(there);
        else if (state.type === 'closed') reject(refusal(state.reason));
        else return;
        end();
      };
      waiting.add(look);
      if (limitMs) timers.set(expire, limitMs);
      look();
    });
  };

  const fetchPage = async (name: string, begin: Begin): Promise<History> => {
    await ready(PUBLISH_TIMEOUT_MS, name);
    try {
      const page = await connection.history(name, begin, true);
      return {
        messages: (page?.messages ?? []).map((message) => adorn({ type: 'message', channel: name, ...message })),
        gap: page?.gap && { type: 'gap', channel: name, ...page.gap },
        offset: page?.offset ?? (begin as string),
        more: !!page?.more,
      };
    } catch (error) {
      // Which it may have become meanwhile.
      throw (state as ClientState).type === 'closed' ? refusal('closed') : toFailure(error, name);
    }
  };

  return {
    get state() {
      return state;
    },
    get connection() {
      return here();
    },
    ready: () => ready(),
    subscribe(name: string, options: SubscribeOptions = {}, listener?: (message: never) => void) {
      check('channel', name, aChannel);
      checkOptions(options, SUBSCRIBE, {}, 'an object before the listener');
      const begin = beginOf(options, 'now');
      const { maxPerSecond } = options;
      if (listener !== undefined) check('listener', listener, aFunction);
      if (state.type === 'closed') throw refusal('closed');
      const channel = channels.get(name) ?? createChannel(name, begin, maxPerSecond);
      // The node sends a channel once for all who read it here.
      if (channel.maxPerSecond !== maxPerSecond) misuse('maxPerSecond', maxPerSecond, `${channel.maxPerSecond}`);
      const { maxChannels } = connection;
      if (channels.size >= maxChannels && !channels.has(name)) {
        throw createChannelFailure(name, CLOSE_NORMAL, 'too_many_channels', `at most ${maxChannels} channels`);
      }
      if (!channels.has(name)) wanted.set(name, channel);
      channels.set(name, channel);
      sync();
      const subscription = createSubscription(channel, begin, options, adorn, join, leave);
      if (listener) subscription.on('message', listener as () => void);
      return subscription;
    },
    publish(name: string, data: unknown, options: PublishOptions = {}) {
      check('channel', name, aChannel);
      if (state.type === 'closed') return Promise.reject(refusal(state.reason));
      const published = outbox.add(name, data, options);
      if (state.type === 'idle') sync();
      return published;
    },
    history(name: string, options: Beginning = {}) {
      check('channel', name, aChannel);
      checkOptions(options, BEGINNING);
      return fetchPage(name, beginOf(options, '-1'));
    },
    on,
    connect: connection.connect,
    ...disposal('close', () => connection.close()),
  } as object as Client<Channels>;
};
