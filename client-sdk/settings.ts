// The options, merged once with their defaults.

import { misuse } from './errors.js';
import { createTimers, type Timers } from './timers.js';
import type { ClientOptions } from './types.js';

type Defaults = 'WebSocket' | 'fetch' | 'random' | 'clock';

/** Options that have been merged, and the timers of the client. `WebSocket` may be missing at run time: entries look. */
export type Settings = Required<Pick<ClientOptions, Defaults>> & ClientOptions & { readonly timers: Timers };

/** Throws `TypeError` when `url` is none. What is given as `undefined` overrides a default. */
export const mergeOptions = (options: ClientOptions): Settings => {
  const { url } = options;
  if (!/^https?:/.test(url)) misuse('url');
  const settings = {
    WebSocket: globalThis.WebSocket,
    fetch,
    random: Math.random,
    // Never called as methods: browsers refuse these on another object.
    clock: { now: Date.now, setTimeout, clearTimeout },
    ...options,
    url: url.replace(/\/+$/, ''),
  };
  return { ...settings, timers: createTimers(settings.clock) };
};
