// A client put together so that it shares its connection, in the best way that there is here.

import { type Connect, createConnection } from '../connection.js';
import { createFullClient } from '../every-transport.js';
import type { Settings } from '../settings.js';
import type { Client, ClientOptions } from '../types.js';
import { createHub } from './hub.js';
import { meetLeader } from './leader.js';
import type { Browser } from './meeting.js';
import { createTab } from './tab.js';
import { meetWorker, type WorkerLike } from './worker.js';

/** What cannot be sent to a worker. */
const HERE_ONLY = ['fetch', 'WebSocket', 'clock', 'random', 'storage'] as const;

/** `openWorker` throws, or its worker says so, where there can be none. */
export const createSharing = (
  options: ClientOptions,
  browser: Browser,
  openWorker: (() => WorkerLike) | undefined,
  more?: Partial<Settings>,
): Client & { logOut(): void } => {
  let logOut = () => {};
  const connect: Connect = (settings, openLink, owner) => {
    if (!browser.locks || !browser.BroadcastChannel) {
      const alone = createConnection(settings, openLink, owner);
      logOut = () => alone.close('logged_out');
      return alone;
    }
    const tab = createTab(settings, openLink, owner, browser, (key, attach, heard, secret) => {
      const byLeader = () =>
        meetLeader(
          browser,
          key,
          settings,
          (ended) => createHub(browser, { ...options, debug: false }, ended, secret()),
          attach,
          heard,
        );
      return openWorker && HERE_ONLY.every((name) => options[name] === undefined)
        ? meetWorker(browser, key, settings, options.transports, openWorker, attach, secret, byLeader)
        : byLeader();
    });
    logOut = tab.logOut;
    return tab;
  };
  const client = createFullClient(options, connect, more);
  return Object.assign(client, { logOut: () => logOut() });
};
