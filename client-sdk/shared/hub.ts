// The hub: one client, and the tabs that it serves, each with subscriptions of its own.

import type { Begin } from '../../src/protocol/index.js';
import type { Failure } from '../errors.js';
import { createFullClient } from '../every-transport.js';
import { CLOSE_NORMAL, LEND_MS } from '../numbers.js';
import type { Page, PageEvent } from '../page.js';
import { createSecret } from '../secret.js';
import { mergeOptions } from '../settings.js';
import { createTimers } from '../timers.js';
import type { Client, ClientOptions, ClientState, Subscription, SubscriptionState, TokenSource } from '../types.js';
import { VERSION } from '../version.js';
import { createKickedClock } from './kicked-clock.js';
import type { Browser } from './meeting.js';
import { createTalk, type Port, pack, type Talk } from './port.js';
import {
  EVENT,
  FAILURE,
  HISTORY,
  LOG_OUT,
  PAGE_EVENT,
  PUBLISH,
  REFUSED,
  STATE,
  SUBSCRIBE,
  TOKEN,
  UNSUBSCRIBE,
} from './words.js';

export interface Hub {
  /** Serves a tab until the lock that it holds is free, or the hub is closed. */
  serve(port: Port, lock: string): void;
  /** Closes the clients of all tabs. */
  logOut(): void;
  /** Without a word to the tabs: another takes over, or none is left. Idempotent. */
  close(): void;
}

interface Tab {
  readonly talk: Talk;
  isHidden: boolean;
}

const ignore = () => {};

const beginning = (begin: Begin) => (typeof begin === 'object' ? begin : { after: begin });

/**
 * `ended` is called once: when the client has closed for good, when no tab is left, or by `close`. `secret` is the session of the hub before
 * it, as a tab has heard it: what was published by that one and is repeated by this one is known to be the same.
 */
export const createHub = (
  browser: Browser,
  options: ClientOptions,
  ended: () => void,
  secret = createSecret(),
): Hub => {
  const tabs = new Set<Tab>();
  const stop = new AbortController();
  const clock = createKickedClock(mergeOptions(options).clock);
  const timers = createTimers(clock);
  let hearPage: (event: PageEvent) => void = ignore;

  /** As all tabs together are. */
  const page: Page = {
    isHidden: () => [...tabs].every((tab) => tab.isHidden),
    listen(_, hear) {
      hearPage = hear;
      // Behind the client's end no tab is heard any more.
      return ignore;
    },
  };

  /** A tab's token, of one that is seen if possible; who does not answer is passed over. */
  const lend: TokenSource = ({ reason, signal }) =>
    new Promise((resolve, reject) => {
      const asked = new Set<Tab>();
      let open = 0;
      const next = (why?: Failure) => {
        timers.delete(next);
        if (signal.aborted) return;
        const [tab] = [...tabs]
          .filter((tab) => !asked.has(tab))
          .sort((a, b) => Number(a.isHidden) - Number(b.isHidden));
        if (!tab) return open || reject(why);
        asked.add(tab);
        open++;
        timers.set(next, LEND_MS);
        tab.talk.ask(TOKEN, reason).then(
          (token) => {
            timers.delete(next);
            resolve(token as string);
          },
          (failure) => {
            open--;
            if (failure.code === 'logged_out') resolve(null);
            else next(failure);
          },
        );
      };
      next();
    });

  const tellAll = (word: number, value: unknown) => {
    for (const { talk } of tabs) talk.tell(word, value);
  };
  const view = (state: ClientState = client.state) => [state, client.connection, VERSION, secret];

  const close = () => {
    if (stop.signal.aborted) return;
    stop.abort();
    for (const { talk } of tabs) talk.close();
    tabs.clear();
    timers.clear();
    client.close();
    ended();
  };

  const logOut = () => {
    tellAll(STATE, view({ type: 'closed', code: CLOSE_NORMAL, reason: 'logged_out' }));
    close();
  };

  const inner = { clock, ...(typeof options.token === 'function' && { token: lend }) };
  const client: Client = createFullClient({ ...options, ...inner }, undefined, { page, secret });
  client.on('error', (failure) => tellAll(FAILURE, pack(failure)));
  client.on('state', (state) => {
    tellAll(STATE, view());
    if (state.type === 'closed') close();
  });

  const serve = (port: Port, lock: string) => {
    const subscriptions = new Map<string, Subscription>();

    const subscribe = ([serial, name, begin]: readonly [number, string, Begin]) => {
      const before = subscriptions.get(name);
      const say = (event: object) => talk.tell(EVENT, [serial, { channel: name, ...event }]);
      const refuse = (code: string) => talk.tell(REFUSED, [serial, name, code]);
      try {
        const subscription = client.subscribe(name, beginning(begin));
        const see = (state: SubscriptionState) => {
          const { offset } = subscription;
          // Another tab’s subscription may have begun before this one.
          if (state.type === 'subscribed') say(state.recovered && offset > state.offset ? { ...state, offset } : state);
          // Where the client itself is closed, the tabs are told that.
          else if (state.type === 'closed' && state.code !== 'unsubscribed' && client.state.type !== 'closed')
            refuse(state.code);
        };
        subscriptions.set(name, subscription);
        subscription.on('message', say);
        subscription.on('gap', say);
        subscription.on('state', see);
        see(subscription.state);
      } catch (error) {
        refuse((error as Failure).code);
      }
      // Not sooner, or the node would be told that nobody wants the channel.
      before?.unsubscribe();
    };

    const hears = new Map<number, (value: never) => unknown>([
      [SUBSCRIBE, subscribe],
      [
        UNSUBSCRIBE,
        (name: string) => {
          subscriptions.get(name)?.unsubscribe();
          subscriptions.delete(name);
        },
      ],
      [
        PUBLISH,
        ({ channel, data, key }: { channel: string; data: unknown; key: string }) =>
          client.publish(channel, data, { key }),
      ],
      [HISTORY, ([name, begin]: readonly [string, Begin]) => client.history(name, beginning(begin))],
      [
        PAGE_EVENT,
        ([type, isHidden]: readonly [string, boolean]) => {
          tab.isHidden = isHidden;
          hearPage({ type });
        },
      ],
      [LOG_OUT, logOut],
    ]);
    const talk = createTalk(port, (word, value) => {
      clock.kick();
      return hears.get(word)?.(value);
    });
    const tab: Tab = { talk, isHidden: true };
    const leave = () => {
      tabs.delete(tab);
      talk.close();
      for (const subscription of subscriptions.values()) subscription.unsubscribe();
      if (tabs.size) hearPage({ type: 'visibilitychange' });
      else close();
    };

    tabs.add(tab);
    // Not sooner: it may need a token, and there was nobody to lend one.
    client.connect();
    browser.locks.request(lock, { signal: stop.signal }, leave).catch(ignore);
    talk.tell(STATE, view());
  };

  return { serve, logOut, close };
};
