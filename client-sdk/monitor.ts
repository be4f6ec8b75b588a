// Knows time: how long a link has been silent, and when the page sleeps and wakes.

import { DOUBT_MS, SIGN_MS } from './numbers.js';
import type { PageEvent } from './page.js';
import type { Settings } from './settings.js';

export interface Monitor {
  /** Watches for longer silence than that from now on; not at all with 0. */
  connected(heartbeatMs: number): void;
  /** Something came. */
  touch(): void;
  /** Listens to the page no more. */
  stop(): void;
}

export interface MonitorOwner {
  /** Nothing came for longer than the heartbeat, or since the page slept: the node is to be asked. */
  doubt(): void;
  /** Nothing came after that. */
  silent(): void;
  /** The page went offline, or is put away. */
  sleep(isAway: boolean): void;
  /** It came online, to the front or back; what was on its way when it was put away is dead. */
  wake(wasAway: boolean): void;
  /** It was hidden, or is seen again. */
  seen(): void;
}

export const createMonitor = ({ clock, page, timers }: Settings, owner: MonitorOwner): Monitor => {
  const now = clock.monotonic;
  let heartbeat = 0;
  let last = 0;
  let asked = 0;

  // Messages only note the time: no timer is made anew for each.
  const check = () => {
    if (!heartbeat) return;
    const left = last + heartbeat + DOUBT_MS - now();
    if (left > 0) timers.set(check, left);
    else ask();
  };
  const ask = () => {
    timers.delete(check);
    asked = now();
    timers.set(judge, SIGN_MS);
    owner.doubt();
  };
  const judge = () => {
    if (last < asked) owner.silent();
    else check();
  };
  const touch = () => {
    last = now();
  };
  const hear = ({ type, persisted }: PageEvent) => {
    const isShown = type > 'v';
    if (isShown) owner.seen();
    if (/off|hide/.test(type)) owner.sleep(type === 'pagehide');
    else if (!isShown || !page.isHidden()) {
      // Unless what came a moment ago is a sign of life.
      if (heartbeat && (isShown || now() - last >= DOUBT_MS)) ask();
      owner.wake(!!persisted);
    }
  };
  return {
    touch,
    connected(heartbeatMs) {
      heartbeat = heartbeatMs;
      touch();
      check();
    },
    stop: page.listen(['offline', 'pagehide', 'online', 'pageshow', 'visibilitychange'], hear),
  };
};
