// `fanfare/client/testing`: a server in memory for the tests of applications; no network, and as fast as the test likes.

import type { Json, Offset, Transport } from '../../src/protocol/index.js';
import type { ClientOptions, Clock } from '../types.js';
import { createFetch } from './fetch.js';
import type { Publication } from './publication.js';
import { Server } from './server.js';
import { createWebSocket } from './socket.js';

export type { Publication } from './publication.js';

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

/** As JSON carries it: a copy, as over a network. Throws `TypeError` for what it cannot carry. */
const carried = (data: unknown): Json => {
  const text = JSON.stringify(data);
  if (text === undefined) throw new TypeError(`bad data: ${typeof data} is not a JSON value`);
  return JSON.parse(text);
};

/** Makes a server of its own, which keeps the promises of a real one and holds nothing open by itself. */
export function createTestServer(options: TestServerOptions = {}): TestServer {
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
    publish: (channel, data) => server.publish(channel, carried(data)),
    tell: (channel, data) => server.tell(channel, carried(data)),
    trim: (channel, kept) => server.log(channel).trim(kept),
    forbid: (channel) => void server.forbidden.add(channel),
    cut() {
      for (const way of [...server.ways]) way.lose();
    },
    end(code, reason) {
      for (const way of [...server.ways]) way.end(code, reason);
    },
    allow(...transports) {
      server.blocked.clear();
      const kinds = new Set(transports.map((transport) => transport.replace(/^(long|short)-/, '')));
      for (const kind of ['websocket', 'sse', 'poll']) if (!kinds.has(kind)) server.blocked.add(kind);
    },
  };
}
