// The options, looked at once and merged with their defaults.

import { aFunction, check, checkOptions, hasFunctions, isFunction, isText, isWithin, type Rule } from './arguments.js';
import type { ReadCache } from './cache.js';
import { POLL_INTERVAL_MS, POLL_WAIT_MS } from './numbers.js';
import { PAGE, type Page } from './page.js';
import { createTimers, type Timers } from './timers.js';
import type { ClientOptions, Clock } from './types.js';

type Defaults = 'WebSocket' | 'fetch' | 'random' | 'clock' | 'pollWaitMs' | 'pollIntervalMs';

type Merged = {
  readonly [Name in keyof ClientOptions]-?: Name extends Defaults
    ? Exclude<ClientOptions[Name], undefined>
    : ClientOptions[Name];
};

/** Options that have been merged, and the timers of the client. `WebSocket` may be missing at run time: entries look. */
export type Settings = Omit<Merged, 'transports' | 'debug'> & {
  readonly page: Page;
  readonly timers: Timers;
  /** By what discovery knows a client again that goes on for one which has ended; else it makes its own. */
  readonly secret?: string | undefined;
  /** Of clients that read through a cache where there is one. */
  readonly readCache?: ReadCache | undefined;
  readonly debug: ((what: string, detail: unknown) => void) | false | undefined;
};

export const aClock: Rule = [
  hasFunctions('now', 'monotonic', 'setTimeout', 'clearTimeout' satisfies keyof Clock),
  'a clock',
];

const RULES: Readonly<Record<keyof ClientOptions, Rule>> = {
  url: isText(/^https?:\/\/[^\s?#@]+$/, 'an http(s):// URL without query'),
  token: [(value) => isFunction(value) || (value && typeof value === 'string'), 'a text or a function'],
  transports: [(value) => Array.isArray(value) && value.length, 'a list of transports, not empty'],
  WebSocket: aFunction,
  fetch: aFunction,
  random: aFunction,
  pollIntervalMs: isWithin(10, 3_600_000),
  pollWaitMs: isWithin(1, 60_000),
  clock: aClock,
  debug: [(value) => typeof value === 'boolean' || isFunction(value), 'a function or a boolean'],
  storage: [(value) => value === null || hasFunctions('getItem', 'setItem')(value), 'a storage, or null'],
};

/** Throws `TypeError` for the first option that is wrong; never shows a token. */
export const mergeOptions = (options: ClientOptions): Settings => {
  const settings: Record<string, unknown> = {
    WebSocket: globalThis.WebSocket,
    fetch: globalThis.fetch,
    random: Math.random,
    // Never called as methods: browsers refuse these on another object.
    clock: { now: Date.now, monotonic: () => performance.now(), setTimeout, clearTimeout },
    page: PAGE,
    pollIntervalMs: POLL_INTERVAL_MS,
    pollWaitMs: POLL_WAIT_MS,
  };
  checkOptions(options, RULES, settings);
  for (const name of ['url', 'fetch'] as const) check(name, settings[name], RULES[name]);
  return {
    ...(settings as unknown as Settings),
    debug:
      settings.debug === true ? (...note: unknown[]) => console.debug('fanfare', ...note) : (settings.debug as false),
    url: options.url.replace(/\/+$/, ''),
    timers: createTimers(settings.clock as Clock),
  };
};
