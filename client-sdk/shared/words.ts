// What tabs and their hub say to each other, by number. A file without imports: esbuild writes them where they are used.

/** A tab wants a channel, from a position on: `[number, name, begin]`; events and a refusal carry that number. */
export const SUBSCRIBE = 1;
/** It wants it no more: `name`. */
export const UNSUBSCRIBE = 2;
/** Asks: the body of a publish; the answer has its offset. */
export const PUBLISH = 3;
/** Asks: `[name, begin]`; the answer is a page of history. */
export const HISTORY = 4;
/** What happened to its page: `[type, isHidden]`. */
export const PAGE_EVENT = 5;
/** Its user is logged out. */
export const LOG_OUT = 6;
/** Asks for a sign of life. */
export const PING = 7;

/** The hub's client is there: `[state, connection, version, secret]`. The first thing that a tab hears. */
export const STATE = 8;
/** `[number, event]` of what a tab has subscribed to. */
export const EVENT = 9;
/** `[number, name, code]`. */
export const REFUSED = 10;
/** Something failed that is tried again. */
export const FAILURE = 11;
/** Asks for a token: the reason. */
export const TOKEN = 12;

/** An answer, and one that is a failure. */
export const DONE = 13;
export const FAILED = 14;
