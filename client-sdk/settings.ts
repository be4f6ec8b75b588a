// The options, merged once with their defaults.

import { misuse } from './errors.js';
import type { ClientOptions } from './types.js';

type Defaults = 'WebSocket' | 'fetch' | 'publishTimeoutMs' | 'maxQueued' | 'random' | 'clock' | 'pageEvents';

/** Options that have been merged. `WebSocket` may be missing at run time: entries look. */
export type Settings = Required<Pick<ClientOptions, Defaults>> & ClientOptions;

/** Throws `TypeError` when `url` is none. */
export function mergeOptions(options: ClientOptions): Settings {
  const { url } = options;
  if (!/^https?:\/\/./.test(url)) misuse('url');
  return {
    WebSocket: globalThis.WebSocket,
    fetch,
    publishTimeoutMs: 30_000,
    maxQueued: 1_000,
    random: Math.random,
    // Never called as methods: browsers refuse these on another object.
    clock: { now: Date.now, setTimeout, clearTimeout },
    pageEvents: globalThis,
    ...options,
    url: url.replace(/\/+$/, ''),
  };
}
