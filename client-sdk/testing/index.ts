// `fanfare/client/testing`: a server in memory for the tests of applications; no network, and as fast as the test likes.

import type { Json, Offset, Transport } from '../../src/protocol/index.js';
import { aFunction, check, checkOptions, isWithin, misuse, type Rule } from '../arguments.js';
import { aChannel } from '../channel-rule.js';
import { aClock } from '../settings.js';
import type { ClientOptions, Clock } from '../types.js';
import { createFetch } from './fetch.js';
import type { Publication } from './publication.js';
import { Server } from './server.js';
import { createWebSocket } from './socket.js';

export type { Publication } from './publication.js';

/** Both chosen: more than any test waits for, or holds. */
const MAX_LATENCY_MS = 3_600_000;
const MAX_KEPT = 1_000_000;

export interface TestServerOptions {
  /** Default: the host's, looked up at each use, so that fake timers of a test runner are in force. */
  readonly clock?: Clock | undefined;
  /** 0 ≤ x < 1. Default: always a half, so that a test does the same each time. */
  readonly random?: (() => number) | undefined;
  /** Each step of the network takes up to so long. Default 0: as soon as the present turn is over, without a timer. */
  readonly latencyMs?: number | undefined;
  /** Messages that a channel keeps. Default 100. */
  readonly keep?: number | undefined;
  /** Whom its tickets are for, whatever token comes. Default `null`, nobody. */
  readonly user?: string | null | undefined;
}

export interface TestServer {
  /** What makes a client talk to it: `createClient({ ...server.options })`. */
  readonly options: Pick<ClientOptions, 'url' | 'fetch' | 'WebSocket' | 'clock' | 'random' | 'storage'>;
  /** Discovery cannot be reached. Links that are open stay. */
  isDown: boolean;
  /** WebSockets, streams and waiting polls. */
  readonly links: number;
  /** What clients have published, each once, in order. */
  readonly published: readonly Publication[];
  /** Publishes as a backend does; answers with the message's offset. */
  publish(channel: string, data: unknown): Offset;
  /** A live-only message, to whoever listens now. */
  tell(channel: string, data: unknown): void;
  /** Keeps only the newest messages of a channel: who comes back from before is told a gap. */
  trim(channel: string, keep: number): void;
  /** Refuses a channel, to readers that come and to publishes. */
  forbid(channel: string): void;
  /** The network loses every link. */
  cut(): void;
  /** The node ends every link with a close code, and a reason that begins with a code. */
  end(code: number, reason: string): void;
  /** Lets these transports through and no others; both kinds of polls with either. */
  allow(...transports: readonly Transport[]): void;
}

/** The globals of the moment. */
const HOST: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
const RULES: Readonly<Record<keyof TestServerOptions, Rule>> = {
  clock: aClock,
  random: aFunction,
  latencyMs: isWithin(0, MAX_LATENCY_MS),
  keep: isWithin(0, MAX_KEPT),
  user: [(value) => value === null || (value && typeof value === 'string'), 'the name of a user, or null'],
};

/** As JSON carries it: a copy, as over a network. Throws `TypeError` for what it cannot carry. */
const carried = (data: unknown): Json => {
  let text: string | undefined;
  let why = '';
  try {
    text = JSON.stringify(data);
  } catch (error) {
    why = `: ${error}`;
  }
  return text === undefined ? misuse('data', data, `a JSON value${why}`) : JSON.parse(text);
};

const named = (channel: string): string => {
  check('channel', channel, aChannel);
  return channel;
};

/** Makes a server of its own, which keeps the promises of a real one and holds nothing open by itself. Throws `TypeError` for bad options, as its methods do for bad arguments. */
export function createTestServer(options: TestServerOptions = {}): TestServer {
  checkOptions(options, RULES);
  const { clock = HOST, random = () => 0.5, latencyMs = 0, keep = 100, user = null } = options;
  const server = new Server({ clock, random, latencyMs, keep, user });
  return {
    options: {
      url: 'http://fanfare.test',
      fetch: createFetch(server),
      WebSocket: createWebSocket(server),
      clock,
      random,
      storage: null,
    },
    get isDown() {
      return server.isDown;
    },
    set isDown(isDown) {
      server.isDown = isDown;
    },
    get links() {
      return server.ways.size;
    },
    published: server.published,
    publish: (channel, data) => server.publish(named(channel), carried(data)),
    tell: (channel, data) => server.tell(named(channel), carried(data)),
    trim(channel, kept) {
      check('keep', kept, RULES.keep);
      server.log(named(channel)).trim(kept);
    },
    forbid: (channel) => void server.forbidden.add(named(channel)),
    cut() {
      for (const way of [...server.ways]) way.lose();
    },
    end(code, reason) {
      check('code', code, isWithin(1_000, 4_999));
      check('reason', reason, [(text) => typeof text === 'string', 'a text']);
      for (const way of [...server.ways]) way.end(code, reason);
    },
    allow(...transports) {
      for (const transport of transports)
        check('transport', transport, [() => TRANSPORTS.includes(transport), `one of ${TRANSPORTS.join(', ')}`]);
      server.blocked.clear();
      const kinds = new Set(transports.map((transport) => transport.replace(/^(long|short)-/, '')));
      for (const kind of ['websocket', 'sse', 'poll']) if (!kinds.has(kind)) server.blocked.add(kind);
    },
  };
}
