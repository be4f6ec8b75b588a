// Knows time: how long a link has been silent, and when the page sleeps and wakes.

import { DOUBT_MS, SIGN_MS } from './numbers.js';
import { isHidden } from './page.js';
import type { Settings } from './settings.js';

export interface Monitor {
  /** Watches for longer silence than that from now on; not at all with 0. */
  connected(heartbeatMs: number): void;
  /** Something came. */
  touch(): void;
}

/**
 * Until `signal` aborts. `doubt`: nothing came for longer than the heartbeat, or since the page slept: the node is to be asked. `silent`:
 * nothing came after that. `sleep`: the page went offline or is put away. `wake`: it came online, to the front or back. `seen`: it was hidden,
 * or is seen again.
 */
export const createMonitor = (
  { clock: { now }, timers }: Settings,
  signal: AbortSignal,
  { doubt, silent, sleep, wake, seen }: Readonly<Record<'doubt' | 'silent' | 'sleep' | 'wake' | 'seen', () => void>>,
): Monitor => {
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
    doubt();
  };
  const judge = () => {
    if (last < asked) silent();
    else check();
  };
  for (const type of ['offline', 'pagehide', 'online', 'pageshow', 'visibilitychange']) {
    // Some fire at the document, some at the window: capturing at the window hears both.
    globalThis.addEventListener?.(
      type,
      () => {
        const isShown = type > 'v';
        if (isShown) seen();
        if (/off|hide/.test(type)) sleep();
        else if (!isShown || !isHidden()) {
          // What came a moment ago is a sign of life.
          if (heartbeat && (isShown || now() - last >= DOUBT_MS)) ask();
          wake();
        }
      },
      { capture: true, signal },
    );
  }
  const touch = () => {
    last = now();
  };
  return {
    connected(heartbeatMs) {
      heartbeat = heartbeatMs;
      touch();
      timers.delete(judge);
      check();
    },
    touch,
  };
};
