// Tabs without a worker: one of them, the leader, has the hub; who that is a Web Lock says, and a `BroadcastChannel` carries the rest.

import type { Settings } from '../settings.js';
import type { Hub } from './hub.js';
import { type Browser, holdLock, type Meeting } from './meeting.js';
import type { Port } from './port.js';

/** What is said where all tabs hear it. */
type Word = {
  /** Is there a hub? */
  readonly who?: true;
  /** Here is one; a later one has a greater number. */
  readonly hub?: number;
  /** A tab that holds this lock is to be served over a channel of that name, by that hub. */
  readonly join?: number;
  readonly lock?: string;
};

const ignore = () => {};

/**
 * The next in the queue for the lock leads as soon as the leader has gone, however it went. A leader that is frozen is stolen from: what it
 * says afterwards nobody hears any more, and when it hears that, it is a tab like others.
 */
export const meetLeader = (
  browser: Browser,
  key: string,
  { clock: { now }, random }: Settings,
  createHub: (ended: () => void) => Hub,
  attach: (port: Port) => void,
  heard: () => void,
): Meeting => {
  const stop = new AbortController();
  const { signal } = stop;
  const common = new browser.BroadcastChannel(key);
  let newest = 0;
  let leave = ignore;
  /** Where this tab leads: ends that. */
  let resign: (() => void) | undefined;
  let here: Hub | undefined;

  const lead = async (options: { readonly signal?: AbortSignal; readonly steal?: boolean }) => {
    let end = ignore;
    let wasHeld = false;
    let isOver = false;
    const hold = () =>
      new Promise<void>((resolve) => {
        // The lock may be another's before this tab hears that it was its own.
        if (signal.aborted || isOver) return resolve();
        resign?.();
        const number = Math.max(newest + 1, now());
        const desk = new browser.BroadcastChannel(key);
        const hub = createHub(() => end());
        here = hub;
        end = () => {
          here = resign = undefined;
          end = ignore;
          desk.close();
          hub.close();
          resolve();
        };
        resign = end;
        const announce = () => desk.postMessage({ hub: number } satisfies Word);
        desk.onmessage = ({ data: { who, hub: other = 0, join, lock = '' } }: { readonly data: Word }) => {
          if (other > number) end();
          else if (who) announce();
          else if (join === number) hub.serve(new browser.BroadcastChannel(lock), lock);
        };
        announce();
        wasHeld = true;
      });
    // It ends when this tab has gone or was stolen from.
    await browser.locks.request(key, options, hold).catch(ignore);
    isOver = true;
    end();
    return wasHeld;
  };
  const queue = async () => {
    // Who was refused the lock itself would be so again, at once.
    let isAgain = true;
    while (isAgain) isAgain = (await lead({ signal })) && !signal.aborted;
  };

  const join = () => {
    leave();
    const lock = `${key} ${random()}`;
    leave = holdLock(browser, lock, () => {
      const port = new browser.BroadcastChannel(lock);
      attach(port);
      common.postMessage({ join: newest, lock } satisfies Word);
    });
  };

  common.onmessage = ({ data: { hub = 0 } }: { readonly data: Word }) => {
    if (hub < newest || !hub) return;
    heard();
    if (hub === newest) return;
    newest = hub;
    join();
  };
  const ask = () => common.postMessage({ who: true } satisfies Word);

  void queue();
  return {
    ask,
    renew() {
      if (!resign) void lead({ steal: true });
    },
    logOut: () => here?.logOut(),
    close() {
      stop.abort();
      resign?.();
      leave();
      common.close();
    },
  };
};
