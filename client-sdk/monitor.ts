// Knows time: how long a link has been silent, and when the page sleeps and wakes.

import type { Settings } from './settings.js';
import { createTimers } from './timers.js';

export interface Monitor {
  /** Watches for silence from now on. */
  watch(heartbeatMs: number): void;
  /** Something came. */
  touch(): void;
  stop(): void;
  /** Stops and listens no more. */
  close(): void;
}

const SLEEP = ['offline', 'freeze', 'pagehide'];
const WAKE = ['online', 'resume', 'pageshow', 'visibilitychange'];

/**
 * `silent`: nothing came for twice the heartbeat. `sleep`: the page went offline or is put away. `wake`: it came online,
 * to the front or back.
 */
export function createMonitor(
  { clock, pageEvents }: Settings,
  silent: () => void,
  sleep: () => void,
  wake: () => void,
): Monitor {
  const { now } = clock;
  const timers = createTimers(clock);
  const closing = new AbortController();
  let heartbeat = 0;
  let last = 0;

  // Messages only note the time: no timer is made anew for each.
  const check = () => {
    const left = last + 2 * heartbeat - now();
    if (left > 0) timers.set(0, left, check);
    else silent();
  };
  const listen = (types: readonly string[], listener: () => void) => {
    for (const type of types) {
      // Some fire at the document, some at the window: capturing at the window hears both.
      pageEvents.addEventListener?.(type, listener, { capture: true, signal: closing.signal });
    }
  };
  const stop = () => {
    heartbeat = 0;
    timers.clearAll();
  };
  listen(SLEEP, sleep);
  listen(WAKE, () => {
    // Timers stood still while the page slept.
    if (heartbeat) check();
    wake();
  });
  return {
    watch(heartbeatMs) {
      heartbeat = heartbeatMs;
      last = now();
      check();
    },
    touch() {
      last = now();
    },
    stop,
    close() {
      stop();
      closing.abort();
    },
  };
}
