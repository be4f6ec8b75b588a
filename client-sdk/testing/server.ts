// A server that keeps its word: channels, links and what each is told, over a network that may be slow and cut.

import type { Begin, Json, Offset, PolledMessage, Transport } from '../../src/protocol/index.js';
import type { Clock } from '../types.js';
import { Log } from './log.js';
import type { Publication } from './publication.js';

const HEARTBEAT_MS = 7_000;
/** Before a node's own limit, so that a slow network does not make it silent. */
const BEAT_MS = HEARTBEAT_MS - 200;
const LIMITS = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };
const NODES = ['n1', 'n2', 'n3'].map((id) => ({ id, url: `http://${id}.test`, features: [] }));
const TRANSPORTS: readonly Transport[] = ['websocket', 'sse', 'long-poll', 'short-poll'];
/** What the ids of the first client's links begin with; those of the next ones with that and a number. */
const CONNECTION = 'c-test';

/** One WebSocket, stream or poll that waits. */
export interface Way {
  /** 0 for those that it is let into; else by which turn it will be. */
  readonly channels: Map<string, number>;
  /** The id of the link, once it was told that it is connected. */
  connection?: string;
  hear(event: object): void;
  /** The network loses it. */
  lose(): void;
  /** The node ends it. */
  end(code: number, reason: string): void;
}

export interface ServerSettings {
  readonly clock: Clock;
  readonly random: () => number;
  /** Each step of the network takes up to so long; at 0 it takes no timer. */
  readonly latencyMs: number;
  /** Messages that a channel keeps. */
  readonly keep: number;
  /** The `sub` of every ticket. */
  readonly user: string | null;
}

export class Server {
  readonly settings: ServerSettings;
  readonly logs = new Map<string, Log>();
  /** By who has published it, channel and idempotency key. */
  readonly stored = new Map<string, Offset>();
  readonly published: Publication[] = [];
  readonly ways = new Set<Way>();
  /** Requests that are neither answered nor given up. */
  readonly requests = new Set<object>();
  readonly forbidden = new Set<string>();
  /** Transports that do not get through; `poll` is both kinds. */
  readonly blocked = new Set<string>();
  /** By the same: what was stored. */
  readonly #texts = new Map<string, string>();
  /** By the session that each client says to discovery. */
  readonly #clients = new Map<unknown, string>();
  readonly #beats = new WeakMap<Way, unknown>();
  #turns = 0;
  /** Discovery cannot be reached. */
  isDown = false;
  /** Polls are told to go elsewhere. */
  isMoving = false;

  constructor(settings: ServerSettings) {
    this.settings = settings;
  }

  log(channel: string): Log {
    const log = this.logs.get(channel) ?? new Log();
    this.logs.set(channel, log);
    return log;
  }

  publish(channel: string, data: Json, from?: PolledMessage['from']): Offset {
    const { clock, keep } = this.settings;
    const message = this.log(channel).add(clock.now(), data, from, keep);
    this.#deliver(channel, message);
    return message.offset;
  }

  /** To who listens now. */
  tell(channel: string, data: Json): void {
    this.#deliver(channel, { data });
  }

  #deliver(channel: string, message: PolledMessage): void {
    for (const way of [...this.ways].filter(({ channels }) => channels.get(channel) === 0)) {
      way.hear({ type: 'message', channel, ...message });
    }
  }

  /** Why a client may not publish that, as a real one says it. */
  refusalOf(
    { channel, key, data }: Publication,
    connection = CONNECTION,
  ): readonly [status: number, code: string] | undefined {
    if (this.forbidden.has(channel)) return [403, 'forbidden'];
    const text = JSON.stringify(data);
    if (new Blob([text]).size > LIMITS.maxMessageBytes) return [413, 'payload_too_large'];
    const known = this.#texts.get(this.#idOf(connection, channel, key));
    return known === undefined || known === text ? undefined : [409, 'idempotency_conflict'];
  }

  #idOf(connection: string, channel: string, key: string): string {
    return `${this.settings.user ?? connection.split('.')[0]} ${channel} ${key}`;
  }

  /** Once for each key of a user's, or of a client's without one. */
  store({ channel, key, data }: Publication, connection = CONNECTION): Offset {
    const { user } = this.settings;
    const id = this.#idOf(connection, channel, key);
    const known = this.stored.get(id);
    if (known) return known;
    this.published.push({ channel, data, key });
    const offset = this.publish(channel, data, { connection, user });
    this.stored.set(id, offset);
    this.#texts.set(id, JSON.stringify(data));
    return offset;
  }

  later(what: () => void, mostMs = this.settings.latencyMs): void {
    const { clock, random } = this.settings;
    if (mostMs) clock.setTimeout(what, Math.floor(random() * mostMs));
    else queueMicrotask(what);
  }

  /** What one end says comes to the other in order, each a little later. */
  line(): (what: () => void) => void {
    const { clock, random, latencyMs } = this.settings;
    if (!latencyMs) return queueMicrotask;
    let lastMs = 0;
    return (what) => {
      const now = clock.monotonic();
      lastMs = Math.max(lastMs, now + Math.floor(random() * latencyMs));
      clock.setTimeout(what, lastMs - now);
    };
  }

  /** Lets a way into a channel, which takes a moment where nobody had it open. */
  attach(way: Way, channel: string, begin: Begin, id?: number): void {
    if (this.forbidden.has(channel)) {
      way.hear({ type: 'error', ...(id && { id }), channel, code: 'forbidden_channel', message: 'forbidden here' });
      return;
    }
    const mine = ++this.#turns;
    way.channels.set(channel, mine);
    const enter = () => {
      if (!this.ways.has(way) || way.channels.get(channel) !== mine) return;
      const log = this.log(channel);
      const { at, gap } = log.enter(begin);
      const isPosition = typeof begin === 'string' && begin.length > 3 && !gap;
      const offset = isPosition ? begin : log.offset(at);
      way.hear({ type: 'subscribed', ...(id && { id }), channel, offset, recovered: !gap });
      if (gap) way.hear({ type: 'gap', channel, ...gap });
      for (const message of log.after(at)) way.hear({ type: 'message', channel, ...message });
      way.channels.set(channel, 0);
    };
    const { latencyMs, random } = this.settings;
    if (latencyMs && random() < 0.5) this.later(enter, latencyMs * 8);
    else enter();
  }

  /** A way begins: it is told that it is connected, and from then on is never silent. */
  welcome(way: Way, more: object, ticket = CONNECTION): void {
    const { user } = this.settings;
    const connection = `${ticket}.${++this.#turns}`;
    way.connection = connection;
    way.hear({ type: 'connected', connection, node: 'n1', user, heartbeatMs: HEARTBEAT_MS, limits: LIMITS, ...more });
    this.#beat(way);
  }

  #beat(way: Way): void {
    const beat = () => {
      way.hear({ type: 'heartbeat' });
      this.#beat(way);
    };
    this.#beats.set(way, this.settings.clock.setTimeout(beat, BEAT_MS));
  }

  /** A way is over; returns whether it was not already. */
  leave(way: Way): boolean {
    this.settings.clock.clearTimeout(this.#beats.get(way) as never);
    return this.ways.delete(way);
  }

  /** Says who it is, as a real one does. */
  ticket(session: unknown): object {
    const connection = this.#clients.get(session) ?? CONNECTION + (this.#clients.size || '');
    this.#clients.set(session, connection);
    return { ticket: connection, expiresInMs: 600_000, connection, user: this.settings.user };
  }

  /** What discovery says. */
  assignment(session: unknown): object {
    const [node, ...alternatives] = NODES.map((one) => [this.settings.random(), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one);
    return { node, alternatives, transports: TRANSPORTS, ...this.ticket(session) };
  }
}
