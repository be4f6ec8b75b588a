// One stream: a link that only receives, written as server-sent events.

import { endsAtMs, type Identity } from '../../auth/identity.js';
import { KeptIdentity } from '../../auth/kept-identity.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import type { Seat } from '../../limits/shared-subject.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import {
  CLOSE,
  type Code,
  codeInfo,
  type Feature,
  type GapEvent,
  type ServerEvent,
  type StreamRequest,
} from '../../protocol/index.js';
import type { StreamListener } from '../channels/audience.js';
import type { Channel } from '../channels/channel.js';
import type { ChannelMessage } from '../channels/message.js';
import type { HttpStream } from '../engines/engine.js';
import type { StreamPeer } from './dead-streams.js';
import type { LinkCounts } from './link-counts.js';
import { type ConnectedTerms, connectedEvent } from './link-events.js';
import type { LinkIds } from './link-ids.js';
import type { Link, Links } from './links.js';
import { Pulse } from './pulse.js';
import { ALL_EVENTS, type StreamDialect } from './stream-dialect.js';
import { type Reader, Subscriptions, type SubscriptionsParts } from './subscriptions.js';

const HEARTBEAT = ': heartbeat\n\n';
/** Those that are of use on a stream. */
const SERVED: readonly Feature[] = ['quiet', 'positions'];

export interface StreamLinkParts {
  readonly links: Links;
  readonly ids: LinkIds;
  /** Those of users: whoever makes a link has entered it, and it leaves by itself. */
  readonly counts: LinkCounts;
  readonly subscriptions: SubscriptionsParts;
  readonly terms: ConnectedTerms;
  /** Unsent bytes at which it is cut. */
  readonly maxBufferedBytes: number;
}

/** Whose stream it is. */
export interface StreamClient {
  readonly identity: Identity;
  /** By which limits count it. */
  readonly keys: SubjectKeys;
  /** What entering it answered. */
  readonly seat: Seat | undefined;
  /** Its socket's. */
  readonly address: string;
}

/** Its subscriptions are those of its request. Ends with an `event: close` where that still gets through. */
export class StreamLink extends Pulse implements Link, Reader, StreamListener, StreamPeer {
  readonly address: string;
  readonly #parts: StreamLinkParts;
  readonly #http: HttpStream;
  readonly identity: Identity;
  readonly keys: SubjectKeys;
  readonly #seat: Seat | undefined;
  readonly #subscriptions: Subscriptions;
  slot = -1;
  place = 0;
  readonly #dialect: StreamDialect;
  /** By the monotonic clock. */
  #endsAtMs = Number.POSITIVE_INFINITY;
  #isClosed = false;
  #onDrained: (() => void)[] = [];
  #stalledSinceMs = 0;

  constructor(
    parts: StreamLinkParts,
    http: HttpStream,
    { identity, keys, seat, address }: StreamClient,
    dialect: StreamDialect = ALL_EVENTS,
  ) {
    super(parts.terms.heartbeatMs, monotonicNowMs());
    this.#parts = parts;
    this.#http = http;
    this.identity = new KeptIdentity(identity);
    this.keys = keys;
    this.#seat = seat;
    if (seat !== undefined) seat.owner = this;
    this.address = address;
    this.#dialect = dialect;
    this.#subscriptions = new Subscriptions(parts.subscriptions, this);
    parts.links.add(this);
    http.onDrain(() => this.#drain());
  }

  /** Announces itself and subscribes to what was asked for; ends by itself after `lifeMs`. */
  start(request: StreamRequest, lifeMs = Number.POSITIVE_INFINITY): void {
    this.#endsAtMs = monotonicNowMs() + lifeMs;
    if (this.#dialect.greeting !== '') this.write(this.#dialect.greeting);
    const { terms, ids } = this.#parts;
    this.heartbeatMs = request.heartbeatMs ?? terms.heartbeatMs;
    const agreed = {
      connection: ids.idOf(ids.next(), this.identity.connection),
      heartbeatMs: this.heartbeatMs,
      features: SERVED.filter((feature) => request.features.includes(feature)),
    };
    this.sendEvent(connectedEvent(terms, this.identity, agreed));
    // Its first look is where links that came together are spread.
    if (request.heartbeatMs !== undefined) this.#lookAgain(monotonicNowMs());
    for (const [name, after] of request.channels) {
      if (this.#isClosed) return;
      void this.#subscriptions.begin(this.identity, name, after, undefined, request.paces?.get(name));
    }
  }

  /** The peer has gone. */
  abandon(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#subscriptions.endAll();
    this.#parts.counts.leave(this.identity, this.keys, this.#seat);
    this.#parts.links.remove(this);
    this.#drain();
  }

  due(nowMs: number): void {
    if (this.#isClosed) return;
    if (nowMs >= this.#endsAtMs) return this.#finish();
    if (this.endsAtMs <= Date.now()) return this.end('token_expired', 'the ticket has expired');
    const { pingMs } = this.#parts.terms;
    // A stream has no pong: that a replay waits for so long is all that tells of a peer that has stopped reading.
    if (this.#onDrained.length > 0 && nowMs - this.#stalledSinceMs > 2 * pingMs) return this.cut();
    if (this.takeBeat(nowMs, this.#dialect.hearsLive ? this.#subscriptions : undefined)) this.write(HEARTBEAT);
    this.#lookAgain(nowMs);
  }

  #lookAgain(nowMs: number): void {
    if (!this.#isClosed) this.#parts.links.lookAt(this, nowMs, this.lookAfterMs(nowMs));
  }

  get transport(): 'sse' {
    return 'sse';
  }

  get endsAtMs(): number {
    return endsAtMs(this.identity);
  }

  move(withinMs: number, reason: string): void {
    this.sendEvent({ type: 'move', withinMs, reason });
  }

  end(code: Code, reason: string, retryAfterMs?: number): void {
    if (this.#isClosed) return;
    const close = { code: codeInfo(code).close ?? CLOSE.internal, reason: `${code}: ${reason}` };
    this.sendEvent({ type: 'close', ...close, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    this.#finish();
  }

  /** Ends it behind what has been written. */
  #finish(): void {
    if (this.#isClosed) return;
    this.#http.end();
    this.#parts.links.seeOff(this.#http);
    this.abandon();
  }

  // What tells of a peer that has vanished.

  get peer(): StreamPeer {
    return this;
  }

  get port(): number | undefined {
    return this.#http.peerPort;
  }

  handedBytes(): number {
    return this.#http.handedBytes();
  }

  nudge(spaces: number): void {
    this.write(`:${' '.repeat(spaces)}\n\n`);
  }

  lose(): void {
    this.#http.destroy();
    this.abandon();
  }

  sendEvent(event: ServerEvent): void {
    const text = this.#dialect.event(event);
    if (text !== '') this.write(text);
    if (this.#dialect.ends(event)) this.#finish();
  }

  gap(gap: GapEvent): void {
    this.sendEvent(gap);
  }

  sendMessage(message: ChannelMessage): void {
    this.#parts.links.replayed.sse++;
    this.write(this.#dialect.message(message));
  }

  write(event: Buffer | string): void {
    if (this.#isClosed || event.length === 0) return;
    this.#http.write(event);
    if (this.#http.bufferedBytes() > this.#parts.maxBufferedBytes) this.cut();
  }

  /** Engines gather what is written in a turn. */
  cork(write: () => void): void {
    write();
  }

  bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#http.bufferedBytes();
  }

  drained(): Promise<void> {
    if (this.bufferedBytes() === 0) return Promise.resolve();
    if (this.#onDrained.length === 0) this.#stalledSinceMs = monotonicNowMs();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  join(channel: Channel): void {
    channel.audience.addStream(this, this.#dialect.encoding);
    this.caughtUp(channel);
  }

  caughtUp(channel: Channel): void {
    this.write(this.#dialect.live(channel));
  }

  leave(channel: Channel): void {
    channel.audience.removeStream(this, this.#dialect.encoding);
  }

  /** It reads too slowly for a close event to get through. */
  cut(): void {
    if (this.#isClosed) return;
    this.#parts.links.slowConsumers++;
    this.#http.destroy();
    this.abandon();
  }

  #drain(): void {
    const listeners = this.#onDrained;
    this.#onDrained = [];
    for (const listener of listeners) listener();
  }
}
