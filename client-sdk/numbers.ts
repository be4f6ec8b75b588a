// The SDK's numbers, each with its reason. A file without imports: esbuild writes them where they are used.

/** WebSocket close codes that the SDK gives or looks for; every other one goes by its range. */
export const CLOSE_NORMAL = 1000;
/** A failure of the network, not a server's word. */
export const CLOSE_NETWORK = 1006;
/** From here on it is a server's word. */
export const CLOSE_WORD = 4000;
/** The server has heard nothing. */
export const CLOSE_UNHEARD = 4003;
/** The ticket has ended. */
export const CLOSE_TICKET = 4005;
/** Not now. */
export const CLOSE_LATER = 4006;
/** Never like this. */
export const CLOSE_REFUSED = 4500;
export const CLOSE_UNAUTHORIZED = 4501;
export const CLOSE_REVOKED = 4503;

/** Backoff, from docs/PROTOCOL.md section 14. */
export const BACKOFF_BASE_MS = 500;
export const BACKOFF_CAP_MS = 20_000;
/** So that no generator of random numbers can make a loop without delay. */
export const BACKOFF_FLOOR_MS = 100;
/** No server may send a client away for longer, */
export const MAX_RETRY_AFTER_MS = 300_000;
/** and no proxy, whose word is not Fanfare's. */
export const MAX_PROXY_RETRY_MS = 10_000;
/** What comes to the front or online again and again tries no sooner than this after the last try that failed. */
export const WAKE_FLOOR_MS = 500;
/** Who is sent on again sooner than that waits for it: as of one link after the other while the whole cluster is drained. */
export const MOVE_PAUSE_MS = 2_000;
/** A timer can hold 2^31 − 1; this is written in fewer bytes. */
export const MAX_TIMER_MS = 2_000_000_000;

/** Nodes to exclude, from docs/PROTOCOL.md section 7. */
export const MAX_EXCLUDED = 8;
/** Discovery's answer takes no longer. */
export const DISCOVERY_LIMIT_MS = 10_000;
/** A call of the token's function that takes longer is given up, and another made. */
export const TOKEN_LIMIT_MS = 60_000;
/** Discovery, the token and the node together take no longer. */
export const CONNECT_LIMIT_MS = 20_000;
/** A ticket is renewed after this part of its life, and again after this part of what is left. */
export const RENEW_AT = 0.8;
export const MIN_RENEW_MS = 1_000;
/** A link that lasted so long makes what failed before it forgotten. */
export const STABLE_MS = 5_000;

/** Messages before the tail that a reader may begin at, from docs/PROTOCOL.md section 13. */
export const MAX_LAST = 1_000;
/** Of the same section. */
export const MAX_PER_SECOND = 10_000;
/** Channels of one link, where the node has not said otherwise. */
export const MAX_CHANNELS = 128;
/** So many changes of the wanted channels go out at once, and then one each so many milliseconds, with all that has changed: a list that scrolls stays below a node's limits. */
export const SYNC_BURST = 10;
export const SYNC_MS = 200;

/** A link that another has replaced stays so long, until each channel has been taken over at its `subscribed`. */
export const LEAVE_MS = 1_000;

/** Failures for which the backoff is taken before … a working link is replaced once more (up to 8 s), */
export const REPLACE_FAILURES = 4;
/** a publish or a subscribe that was refused for now is repeated (up to 2 s). */
export const REPEAT_FAILURES = 2;

/**
 * Two ways to a node may be so far apart, with a page that freezes between: a live-only message that is like one of another way is taken for the
 * same; and so many are remembered.
 */
export const ECHO_MS = 120_000;
export const MAX_ECHOES = 100;

/** Messages that wait for one iterator, and publishes that wait for an answer. */
export const MAX_QUEUED = 1_000;
/** How long a publish is tried; far below the life of a key (10 min). */
export const PUBLISH_TIMEOUT_MS = 30_000;
/** Levels of a body, which is one itself, from docs/PROTOCOL.md section 13. */
export const MAX_DEPTH = 16;
/** Publishes of a WebSocket that may be on their way at once; a node takes 64 commands. */
export const PUBLISH_WINDOW = 16;
/** What a command has besides its channels, at most. */
export const COMMAND_BYTES = 64;
/** Before a node has said what a frame may have it is the least that one can be configured to take; and so many commands are sent, of the 64 that it lets wait. */
export const EARLY_FRAME_BYTES = 1_024;
export const EARLY_COMMANDS = 32;

/** What a node sends at least as often, from docs/PROTOCOL.md section 8.7. */
export const HEARTBEAT_MS = 7_000;
/** What a page that nobody sees asks for instead; of a stream, which unlike a WebSocket is not pinged, so often that no proxy takes it for dead. */
export const QUIET_MS = 60_000;
export const QUIET_STREAM_MS = 25_000;
/** After so much more silence a link is asked for a sign of life, and given up without one after so long. */
export const DOUBT_MS = 1_000;
export const SIGN_MS = 2_750;
/** An answer by HTTP that does not come, or not go on, by then counts as a failure of the network. */
export const ANSWER_LIMIT_MS = 10_000;
/** What one event of a stream may hold, in characters; far over any frame of a node. */
export const MAX_EVENT_LENGTH = 4_000_000;
/** What comes of a longer one is a sign of life each 256 characters, so that a proxy which hands on a byte now and then is none. */
export const PROGRESS_BITS = 8;
/** A poll whose answers are cut asks for no less; more than that no node answers with. */
export const MIN_ANSWER_BYTES = 1_024;
export const MAX_ANSWER_BYTES = 1_048_576;
/** A poll begins by asking for so little that a slow network has it soon; what has come in less time than the goal lets the next ask for more, at most so many times as much. */
export const FIRST_ANSWER_BYTES = 65_536;
export const ANSWER_GOAL_MS = 2_000;
export const MOST_GROWTH = 4;
/** A cache that answers no sooner is left alone, and so is one that answers wrongly: for so long the node is asked instead. */
export const CACHE_LIMIT_MS = 5_000;
export const CACHE_REST_MS = 30_000;
export const POLL_WAIT_MS = 25_000;
export const POLL_INTERVAL_MS = 2_000;
/** So many answers without progress in so short a time are a loop: some cache repeats an empty answer. */
export const LOOP_ANSWERS = 5;
export const LOOP_MS = 500;

/** So often a tab that is seen has its hub give a sign of life, and one that is hidden; so many without an answer are silence. */
export const LOOK_MS = 500;
export const HIDDEN_LOOK_MS = 10_000;
export const MAX_SILENT_LOOKS = 2;
/** A worker whose code does not come by then, in so many times that silence, is done without. */
export const WORKER_PATIENCE = 4;
/** A tab that has lent no token by then is left aside for another. */
export const LEND_MS = 2_000;

/** After so long without success the next transports start beside, each so long after the one before, */
export const SLOW_MS = 4_000;
export const BESIDE_MS = 250;
/** and after so long the slow one is given up. */
export const TRANSPORT_LIMIT_MS = 10_000;
/** What comes, however slowly, is progress, but no longer than that: a stream or a WebSocket says first that it is connected, a poll's answer is as long as it is; */
export const TRICKLE_MS = 30_000;
export const TRICKLED_ANSWER_MS = 120_000;
/** nor altogether, whichever transports are tried. */
export const TRICKLED_CONNECT_MS = 300_000;
/** For so long what worked is where the next page begins, and the next link. */
export const REMEMBER_MS = 1_800_000;
/** After so long the transports before it are tried again, then after twice as long each time, up to this: before it is forgotten. */
export const PROBE_MS = 60_000;
export const MAX_PROBE_MS = 900_000;
/** A transport whose links die so young, so many times in a row, does not work here; one that is tried again has to last as long. */
export const YOUNG_MS = 15_000;
export const YOUNG_DEATHS = 3;
