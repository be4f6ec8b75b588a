// The SDK's numbers, each with its reason. A file without imports: esbuild writes them where they are used.

/** WebSocket close codes that the SDK gives or looks for; every other one goes by its range. */
export const CLOSE_NORMAL = 1000;
/** A failure of the network, not a server's word. */
export const CLOSE_NETWORK = 1006;
/** A server's word: not now. */
export const CLOSE_LATER = 4006;
/** A server's word: never like this. */
export const CLOSE_REFUSED = 4500;
export const CLOSE_UNAUTHORIZED = 4501;

/** Backoff, from docs/PROTOCOL.md section 14. */
export const BACKOFF_BASE_MS = 500;
export const BACKOFF_CAP_MS = 20_000;
/** So that no generator of random numbers can make a loop without delay. */
export const BACKOFF_FLOOR_MS = 100;

/** Nodes to exclude, from docs/PROTOCOL.md section 7. */
export const MAX_EXCLUDED = 8;
/** Discovery's answer takes no longer. */
export const DISCOVERY_LIMIT_MS = 10_000;
/** Discovery, the token and the node together take no longer. */
export const CONNECT_LIMIT_MS = 20_000;
/** A ticket is renewed after this part of its life, and again after this part of what is left. */
export const RENEW_AT = 0.8;
export const MIN_RENEW_MS = 1_000;
/** A link that lasted so long makes what failed before it forgotten. */
export const STABLE_MS = 5_000;

/** A link that another has replaced stays so long, until each channel has been taken over at its `subscribed`. */
export const LEAVE_MS = 1_000;

/** Failures for which the backoff is taken before … a working link is replaced once more (up to 8 s), */
export const REPLACE_FAILURES = 4;
/** a publish or a subscribe that was refused for now is repeated (up to 2 s). */
export const REPEAT_FAILURES = 2;

/** Messages that wait for one iterator, and publishes that wait for an answer. */
export const MAX_QUEUED = 1_000;
/** How long a publish is tried; far below the life of a key (10 min). */
export const PUBLISH_TIMEOUT_MS = 30_000;
/** Publishes of a WebSocket that may be on their way at once; a node takes 64 commands. */
export const PUBLISH_WINDOW = 16;

/** What a node sends at least as often, from docs/PROTOCOL.md section 8.7. */
export const HEARTBEAT_MS = 7_000;
/** What a page that nobody sees asks for instead. */
export const QUIET_MS = 60_000;
/** After so much more silence a link is asked for a sign of life, and given up without one after so long. */
export const DOUBT_MS = 1_000;
export const SIGN_MS = 3_000;
/** An answer to a publish by HTTP that does not come by then counts as a failure of the network. */
export const PUBLISH_LIMIT_MS = 10_000;
/** What one event of a stream may hold, in characters; far over any frame of a node. */
export const MAX_EVENT_LENGTH = 4_194_304;
export const POLL_WAIT_MS = 25_000;
export const POLL_INTERVAL_MS = 2_000;
/** So many answers without progress in so short a time are a loop: some cache repeats an empty answer. */
export const LOOP_ANSWERS = 5;
export const LOOP_MS = 500;

/** After so long without success the next transport starts beside, */
export const SLOW_MS = 4_000;
/** and after so long the slow one is given up. */
export const TRANSPORT_LIMIT_MS = 10_000;
/** After so long the first transport is tried again. */
export const REMEMBER_MS = 300_000;
/** A transport whose links die so young, so many times in a row, does not work here. */
export const YOUNG_MS = 5_000;
export const YOUNG_DEATHS = 3;
