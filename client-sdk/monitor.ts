// Knows time: how long a link has been silent, and when the page sleeps and wakes.

import type { Settings } from './settings.js';

export interface Monitor {
  /** Watches for silence from now on; not at all with 0. */
  connected(heartbeatMs: number): void;
  /** Something came. */
  touch(): void;
}

/**
 * Until `signal` aborts. `silent`: nothing came for twice the heartbeat. `sleep`: the page went offline or is put away. `wake`: it came online,
 * to the front or back.
 */
export const createMonitor = (
  { clock: { now }, timers }: Settings,
  signal: AbortSignal,
  silent: () => void,
  sleep: () => void,
  wake: () => void,
): Monitor => {
  let heartbeat = 0;
  let last = 0;

  // Messages only note the time: no timer is made anew for each.
  const check = () => {
    const left = last + 2 * heartbeat - now();
    if (left > 0) timers.set(check, left);
    else if (heartbeat) silent();
  };
  const onWake = () => {
    // Timers stood still while the page slept.
    check();
    wake();
  };
  for (const type of ['offline', 'pagehide', 'online', 'pageshow', 'visibilitychange']) {
    // Some fire at the document, some at the window: capturing at the window hears both.
    globalThis.addEventListener?.(type, /off|hide/.test(type) ? sleep : onWake, { capture: true, signal });
  }
  const touch = () => {
    last = now();
  };
  return {
    connected(heartbeatMs) {
      heartbeat = heartbeatMs;
      touch();
      check();
    },
    touch,
  };
};
