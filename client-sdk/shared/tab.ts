// A tab's part of a connection that the tabs of an origin share: what it wants, and what the hub tells it.

import type { ServerEvent } from '../../src/protocol/index.js';
import { backoff } from '../backoff.js';
import { type Connection, type ConnectionOwner, createConnection } from '../connection.js';
import { createChannelFailure, createFailure, toFailure } from '../errors.js';
import { diff, type OpenLink, type Outgoing, type Source, type Wanted } from '../link.js';
import { CLOSE_NETWORK, CLOSE_NORMAL, CLOSE_REFUSED, HIDDEN_LOOK_MS, LOOK_MS, MAX_SILENT_LOOKS } from '../numbers.js';
import type { PageEvent } from '../page.js';
import type { Given } from '../session.js';
import type { Settings } from '../settings.js';
import type { ClientState, Connection as View } from '../types.js';
import { VERSION } from '../version.js';
import { createLending } from './lending.js';
import type { Browser, Meeting } from './meeting.js';
import { createTalk, type Port, type Sent, type Talk } from './port.js';
import {
  EVENT,
  FAILURE,
  HISTORY,
  LOG_OUT,
  PAGE_EVENT,
  PING,
  PUBLISH,
  REFUSED,
  STATE,
  SUBSCRIBE,
  TOKEN,
  UNSUBSCRIBE,
} from './words.js';

export interface TabConnection extends Connection {
  /** Closes it in all tabs of its user. */
  logOut(): void;
}

/** Finds the hub for those who agree in a key: `attach` is called with a way to it, and to the next; `heard` at a sign of life; `secret` is the last one's session. */
export type Meet = (
  key: string,
  attach: (port: Port) => void,
  heard: () => void,
  secret: () => string | undefined,
) => Meeting;

const PAGE_EVENTS = ['offline', 'online', 'visibilitychange', 'pagehide', 'pageshow'];

const ignore = () => {};

/** Where tabs may not find each other, it is a connection like others. */
export const createTab = (
  settings: Settings,
  openLink: OpenLink,
  owner: ConnectionOwner,
  { locks }: Pick<Browser, 'locks'>,
  meet: Meet,
): TabConnection => {
  const { page, random, timers, url } = settings;
  const { monotonic } = settings.clock;
  const lending = createLending(settings);
  const given = {} as { -readonly [Name in keyof Given]: Given[Name] };
  let state: ClientState = { type: 'idle' };
  /** From one `start` to what ends it. */
  let life: object | undefined;
  let failures = 0;
  let meeting: Meeting | undefined;
  let unlisten = ignore;
  let silentLooks = 0;
  let secret: string | undefined;

  let talk: Talk | undefined;
  let source: Source = { order: 0, sinceMs: 0 };
  /** The hub has said something. */
  let isGreeted = false;
  /** The next hub is told, should this one not hear it. */
  let isLoggingOut: boolean | undefined;
  let serial = 0;
  /** What the hub was asked for, by which number. */
  const asked = new Map<Wanted, number>();
  const sent = new Set<Outgoing>();
  /** Where tabs cannot share, as where a page may not store anything. */
  let own: Connection | undefined;

  const become = (next: ClientState) => {
    if (state.type === 'closed' || (next.type === 'connecting' && state.type === 'connecting')) return;
    state = next;
    if (next.type === 'closed') release();
    owner.state(next);
  };

  const start = async () => {
    const mine = {};
    life = mine;
    become({ type: 'connecting' });
    const isOver = () => life !== mine;
    try {
      await locks.request(`fanfare ${random()}`, {}, ignore);
    } catch {
      // It may not lock, so it cannot share.
      if (isOver()) return;
      leave();
      unlisten();
      own = createConnection(settings, openLink, owner);
      return own.connect();
    }
    try {
      if (isOver()) return;
      const user = await lending.user();
      if (isOver()) return;
      failures = 0;
      meeting = meet(`fanfare ${VERSION} ${url} ${owner.transports} ${user}`, attach, heard, () => secret);
      look();
    } catch (error) {
      if (isOver()) return;
      const failure = toFailure(error, url);
      if (/^(log|user)/.test(failure.code)) return become({ type: 'closed', code: CLOSE_NORMAL, reason: failure.code });
      owner.failed(failure);
      if (isOver()) return;
      const retryInMs = backoff(failures++, random());
      timers.set(start, retryInMs);
      become({ type: 'waiting', retryInMs, cause: failure.code });
    }
  };

  /** A way to a hub, or to the next one: from here on what another way brings is too late. */
  const attach = (port: Port) => {
    heard();
    detach();
    become({ type: 'connecting' });
    source = { order: source.order + 1, sinceMs: monotonic() };
    talk = createTalk(port, (word, value) => {
      heard();
      return hears.get(word)?.(value);
    });
  };
  const heard = () => {
    silentLooks = 0;
  };
  const detach = () => {
    talk?.close();
    talk = undefined;
    isGreeted = false;
    asked.clear();
    sent.clear();
  };
  const leave = () => {
    life = undefined;
    meeting?.close();
    meeting = undefined;
    detach();
    timers.delete(look);
    timers.delete(start);
  };
  const release = () => {
    leave();
    unlisten();
    lending.close();
    timers.clear();
  };

  const tell: Talk['tell'] = (word, value) => talk?.tell(word, value);

  /** Whether the hub is there is asked, not told: a page that nobody sees has timers that come late. */
  const ask = () => {
    timers.set(look, page.isHidden() ? HIDDEN_LOOK_MS : LOOK_MS);
    if (isGreeted) (talk as Talk).ask(PING).then(heard, ignore);
    else meeting?.ask();
  };
  const look = () => {
    if (silentLooks++ >= MAX_SILENT_LOOKS) {
      silentLooks = 0;
      meeting?.renew(isGreeted);
    }
    ask();
  };

  const sync = () => {
    if (!isGreeted) return;
    const { gone, fresh } = diff(asked.keys(), owner.channels);
    for (const channel of gone) {
      asked.delete(channel);
      if (!owner.channels.has(channel.name)) tell(UNSUBSCRIBE, channel.name);
    }
    for (const channel of fresh) {
      asked.set(channel, ++serial);
      tell(SUBSCRIBE, [serial, channel.name, channel.position]);
    }
  };

  const askedFor = (name: string, number: number): Wanted | undefined => {
    const channel = owner.channels.get(name);
    return channel && asked.get(channel) === number ? channel : undefined;
  };

  const hears = new Map<number, (value: never) => unknown>([
    [
      STATE,
      ([next, view, version, session]: readonly [ClientState, View | undefined, string, string]) => {
        // The code of a worker may be of another time.
        if (version !== VERSION) return;
        secret = session;
        given.connection = view?.id as string;
        given.user = view?.user as string;
        // What was on its way may have been lost with the link: all is asked for again, from where it is now.
        if (state.type === 'connected' && next.type !== 'connected') asked.clear();
        if (!isGreeted) greet();
        if (next.type === 'connected') lending.forget();
        become(next);
        sync();
      },
    ],
    [
      EVENT,
      ([number, event]: readonly [number, ServerEvent & { readonly channel: string }]) => {
        if (askedFor(event.channel, number)) owner.receive(event, source);
      },
    ],
    [
      REFUSED,
      ([number, name, code]: readonly [number, string, string]) => {
        const channel = askedFor(name, number);
        if (!channel) return;
        asked.delete(channel);
        owner.refuse(channel, createChannelFailure(name, CLOSE_REFUSED, code));
      },
    ],
    [FAILURE, (failure: Sent) => owner.failed(createFailure(...failure))],
    [TOKEN, lending.lend],
  ]);

  const greet = () => {
    isGreeted = true;
    tellPage('visibilitychange');
    if (isLoggingOut) tell(LOG_OUT);
  };
  const tellPage = (type: string) => tell(PAGE_EVENT, [type, page.isHidden()]);

  const hearPage = ({ type }: PageEvent) => {
    if (type === 'pagehide') {
      if (!life || state.type === 'closed') return;
      leave();
      become({ type: 'waiting', retryInMs: 0, cause: 'offline' });
    } else if (type === 'pageshow') {
      if (!life) void start();
    } else {
      tellPage(type);
      if (meeting) ask();
    }
  };

  const close = (reason = 'closed') => {
    if (own) own.close(reason);
    else become({ type: 'closed', code: CLOSE_NORMAL, reason });
  };

  return {
    get maxChannels() {
      return own?.maxChannels ?? 1 / 0;
    },
    get given() {
      return own?.given ?? given;
    },
    connect() {
      if (own) return own.connect();
      if (state.type === 'closed') state = { type: 'idle' };
      if (state.type !== 'idle') return;
      isLoggingOut = false;
      unlisten = page.listen(PAGE_EVENTS, hearPage);
      void start();
    },
    sync: () => (own ?? { sync }).sync(),
    publish(outgoing) {
      if (own) return own.publish(outgoing);
      if (state.type !== 'connected') return false;
      if (sent.has(outgoing)) return true;
      sent.add(outgoing);
      const settle = (...answer: Parameters<Outgoing['done']>) => {
        if (sent.delete(outgoing)) outgoing.done(...answer);
      };
      (talk as Talk).ask(PUBLISH, outgoing.body).then(
        (answer) => settle(undefined, (answer as { readonly offset: string }).offset),
        (failure) => settle(failure),
      );
      return true;
    },
    async history(name, begin) {
      if (own) return own.history(name, begin);
      if (!talk) throw createFailure(CLOSE_NETWORK, 'network');
      return (await talk.ask(HISTORY, [name, begin])) as Awaited<ReturnType<Connection['history']>>;
    },
    close,
    logOut() {
      isLoggingOut = true;
      if (!meeting) return close('logged_out');
      meeting.logOut?.();
      if (isGreeted) tell(LOG_OUT);
    },
  };
};
