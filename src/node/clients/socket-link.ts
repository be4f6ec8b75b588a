// One WebSocket client: its handshake, its commands and their replies.

import { endsAtMs, type Identity } from '../../auth/identity.js';
import { KeptIdentity } from '../../auth/kept-identity.js';
import { monotonicNowMs } from '../../lib/clocks.js';
import { FanfareError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { Slices } from '../../lib/slices.js';
import type { RateLimiter } from '../../limits/rate-limiter.js';
import type { Seat } from '../../limits/shared-subject.js';
import { NO_KEYS, type SubjectKeys } from '../../limits/subject-limit.js';
import {
  CLOSE,
  type ClientCommand,
  type Code,
  type ConnectCommand,
  codeInfo,
  type Feature,
  LIMITS,
  PROTOCOL_VERSION,
} from '../../protocol/index.js';
import { BATCHED_FRAMES, BRIEF_FRAMES } from '../channels/encoding.js';
import type { EngineSocket, SocketHandler } from '../engines/engine.js';
import { CommandQueue } from './command-queue.js';
import type { CommandReader, Payer } from './command-reader.js';
import type { LinkCounts } from './link-counts.js';
import { type LinkDoor, verified } from './link-door.js';
import { type ConnectedTerms, connectedEvent, errorEvent } from './link-events.js';
import type { LinkIds } from './link-ids.js';
import type { Link, Links } from './links.js';
import { Session, type SessionLink, type SessionParts } from './session.js';
import { SocketSink, type SocketSinkParts } from './socket-sink.js';

export interface SocketLinkParts extends SocketSinkParts {
  readonly door: LinkDoor;
  readonly links: Links;
  readonly ids: LinkIds;
  /** What much work waits for. */
  readonly slices: Slices;
  readonly session: SessionParts;
  /** Those of users. */
  readonly counts: LinkCounts;
  readonly terms: ConnectedTerms;
  readonly commands: CommandReader;
  readonly handshakeTimeoutMs: number;
  readonly logger: Logger;
}

/** States: `handshake` (no valid connect yet), `verifying` (its token is being verified; commands wait), `open`, `closed`. */
export class SocketLink extends SocketSink<SocketLinkParts> implements SocketHandler, Link, SessionLink, Payer {
  slot = -1;
  place = 0;
  readonly address: string | undefined;
  #state: 'handshake' | 'verifying' | 'open' | 'closed' = 'handshake';
  #heardAtMs: number;
  own: RateLimiter | undefined;
  refusals = 0;
  /** Those that its connect asked for and that are served here: what comes behind it is read as they say. */
  #features: readonly Feature[] | undefined;
  #session: Session | undefined;
  /** While commands wait. */
  #queue: CommandQueue | undefined;
  #seat: Seat | undefined;

  /** `address` is what limits count it by, where they may have to. */
  constructor(parts: SocketLinkParts, address?: string) {
    const nowMs = monotonicNowMs();
    super(parts, nowMs);
    this.#heardAtMs = nowMs;
    this.address = address;
  }

  // What the engine calls.

  open(socket: EngineSocket): void {
    this.socket = socket;
    this.parts.links.newcomers.add(this);
    this.parts.commands.begin(this);
  }

  text(text: string): void {
    if (this.#state === 'closed') return;
    this.#heardAtMs = monotonicNowMs();
    this.parts.links.hurry(this.#heardAtMs);
    if (this.#state === 'handshake' && this.#queue === undefined && text.length > LIMITS.maxConnectFrameLength) {
      return this.end('message_too_large', `a frame before connect has at most ${LIMITS.maxConnectFrameLength} bytes`);
    }
    const { commands, door } = this.parts;
    const command = commands.read(this, text, door.nowMs(), this.#features);
    if (command.type === 'refused') {
      this.#fail(command.error, command.id);
      if (commands.isExhausted(this)) this.end('rate_limited', 'kept on over the rate limit');
      return;
    }
    if (command.type === 'connect') this.#features ??= command.features;
    if (this.#mustWait(command)) this.#enqueue(command, text.length);
    else this.#run(command);
  }

  binary(): void {
    this.end('binary_not_supported', 'frames are JSON text, not binary');
  }

  tooLarge(bytes: number): void {
    const { maxFrameBytes } = this.parts.terms.limits;
    this.end('message_too_large', `the frame has ${bytes} bytes, the limit is ${maxFrameBytes}`);
  }

  pong(): void {
    this.#heardAtMs = monotonicNowMs();
  }

  close(): void {
    const { links, counts } = this.parts;
    if (this.#state === 'open') this.#publishWaiting();
    this.#state = 'closed';
    links.newcomers.remove(this);
    links.remove(this);
    if (this.#session !== undefined) counts.leave(this.#session.entered, this.#session, this.#seat);
    this.#session?.endAll();
    this.#session = undefined;
    this.drain();
  }

  // What the node's timers call.

  due(nowMs: number): void {
    if (this.isClosed) return;
    if (this.endsAtMs <= Date.now()) return this.end('token_expired', 'the ticket has expired');
    const { pingMs } = this.parts.terms;
    if (nowMs - this.#heardAtMs > 2 * pingMs + 1_000) return this.end('heartbeat_timeout', 'no pong for too long');
    if (this.#state === 'open' && this.socket !== undefined) {
      this.keepAwake(this.socket, nowMs, pingMs, this.#session);
    }
    if (!this.isClosed) this.parts.links.lookAt(this, nowMs, this.lookAfterMs(nowMs));
  }

  checkHandshake(nowMs: number): void {
    // Its connect may be here, and wait for the node.
    if (this.#queue !== undefined && this.#state === 'handshake') return;
    if (nowMs - this.saidAtMs > this.parts.handshakeTimeoutMs) this.end('auth_timeout', 'no valid connect in time');
  }

  move(withinMs: number, reason: string): void {
    if (this.#state === 'open') this.sendEvent({ type: 'move', withinMs, reason });
  }

  end(code: Code, reason: string, retryAfterMs?: number): void {
    if (this.#state === 'closed') return;
    // A close frame has no room for it.
    if (retryAfterMs !== undefined) this.sendEvent({ type: 'error', code, message: reason, retryAfterMs });
    this.#state = 'closed';
    this.#session?.endAll();
    this.socket?.close(codeInfo(code).close ?? CLOSE.badRequest, `${code}: ${reason}`.slice(0, 120));
  }

  cut(): void {
    this.socket?.cut();
  }

  get identity(): Identity | undefined {
    return this.#session?.identity;
  }

  get transport(): 'websocket' {
    return 'websocket';
  }

  get endsAtMs(): number {
    return this.#session === undefined ? Number.POSITIVE_INFINITY : endsAtMs(this.#session.identity);
  }

  // What its session delivers to.

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get keys(): SubjectKeys {
    return this.#session ?? NO_KEYS;
  }

  takeFreePing(): boolean {
    return this.takeFreePingAt(this.#heardAtMs);
  }

  retime(heartbeatMs = this.heartbeatMs): void {
    const nowMs = monotonicNowMs();
    this.heartbeatMs = heartbeatMs;
    this.parts.links.lookAt(this, nowMs, this.lookAfterMs(nowMs));
  }

  // Commands.

  /** Behind others, or for a slice: of what is much work others may come with as much in one moment. */
  #mustWait({ type }: ClientCommand): boolean {
    const isMuch = type === 'connect' || type === 'subscribe';
    return this.#queue !== undefined || (isMuch && !this.parts.slices.hasTime());
  }

  #enqueue(command: ClientCommand, characters: number): void {
    if (this.#queue === undefined) {
      this.#queue = new CommandQueue();
      this.parts.slices.add(() => this.#goOn());
    }
    if (this.#queue.add(command, characters)) return;
    if (this.#state === 'verifying') return this.end('rate_limited', 'too many commands before connected');
    this.#goOn([command]);
  }

  /** Runs what waits, in one write, and then `more`. */
  #goOn(more: readonly ClientCommand[] = []): void {
    const queue = this.#queue;
    if (queue === undefined || this.#state === 'verifying') return;
    this.#queue = undefined;
    this.cork(() => {
      for (const command of [...queue.take(), ...more]) this.#runNext(command);
    });
  }

  #runNext(command: ClientCommand): void {
    if (this.isClosed) return;
    // One of those before it may have begun to wait.
    if (this.#queue !== undefined) return this.#enqueue(command, 0);
    try {
      this.#run(command);
    } catch (error) {
      this.#refuse(command.id, error);
    }
  }

  /** Its client has gone; what it published before that is published. */
  #publishWaiting(): void {
    for (const command of this.#queue?.take() ?? []) if (command.type === 'publish') this.#run(command);
  }

  #run(command: ClientCommand): void {
    if (command.type === 'connect') return this.#connect(command);
    if (this.#session !== undefined) return this.#session.run(command);
    this.#fail(new FanfareError('not_connected', 'send connect first'), command.id);
  }

  #connect(command: ConnectCommand): void {
    if (this.#state !== 'handshake') {
      return this.#fail(new FanfareError('already_connected', 'connect was sent before'), command.id);
    }
    if (command.version !== PROTOCOL_VERSION) {
      const message = `version ${PROTOCOL_VERSION} is spoken here`;
      return this.#refuse(command.id, new FanfareError('unsupported_version', message));
    }
    const { token, features } = command;
    if (token === undefined)
      return this.#refuse(command.id, new FanfareError('token_missing', '"token": expected a ticket, got nothing'));
    if (features.includes('batch')) this.encoding = features.includes('brief') ? BRIEF_FRAMES : BATCHED_FRAMES;
    const isLate = verified(this.parts.door, token, {
      isOver: () => this.#state === 'closed',
      accepted: (identity) => this.#admit(command.id, identity),
      refused: (error) => this.#refuse(command.id, error, token),
    });
    if (!isLate) return;
    this.#state = 'verifying';
    this.#queue = new CommandQueue();
  }

  #admit(id: number, identity: Identity): void {
    const { door, counts, links, commands, terms, ids } = this.parts;
    const session = new Session(this.parts.session, this, new KeptIdentity(identity), ids.next());
    try {
      commands.join(this, session, door.nowMs());
      door.requireGood(identity);
      this.#seat = counts.enter(identity, session, this);
      // From now on it is counted, and leaves when it closes.
      this.#session = session;
      door.requireRoom();
    } catch (error) {
      return this.#refuse(id, error);
    }
    links.newcomers.remove(this);
    links.add(this);
    this.socket?.admit();
    this.#state = 'open';
    door.claim(identity);
    this.said(monotonicNowMs());
    const agreed = { connection: session.connection, heartbeatMs: this.heartbeatMs, features: this.#features ?? [] };
    this.sendEvent(connectedEvent(terms, identity, agreed, id));
    this.#goOn();
  }

  #refuse(id: number, error: unknown, ticket?: string): void {
    this.parts.door.turnAway(error, ticket);
    this.#fail(error, id);
    const code = error instanceof FanfareError ? error.code : 'internal';
    this.end(code, error instanceof FanfareError ? error.message : 'something went wrong here');
  }

  #fail(error: unknown, id: number | undefined): void {
    this.parts.door.count(error);
    if (!this.isClosed) this.sendEvent(errorEvent(error, id, this.parts.logger));
  }
}
