// A WebSocket from its opening to its end, seen from the node.

import type { WebSocketLike } from '../../client-sdk/types.js';
import type { Begin } from '../../src/protocol/index.js';
import { inBrief } from './in-brief.js';
import { admit, type Cluster, checkBegins, Feed } from './way.js';

const HEARTBEAT_MS = 7_000;
export const LIMITS = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };

type Command = Record<string, unknown> & { readonly type: string; readonly id: number };

export class SocketWay extends Feed {
  isOpen = true;
  readonly #socket: WebSocketLike;
  readonly #lagMs: number;
  #downMs = 0;
  #upMs = 0;
  #heartbeatMs = HEARTBEAT_MS;
  #features: readonly string[] = [];
  #beats = 0;
  #ticket: string | undefined;
  /** What is said and on its way. */
  #frame: { readonly events: object[]; readonly arrived: (() => void)[] } | undefined;

  constructor(cluster: Cluster, url: string, socket: WebSocketLike) {
    super(cluster, new URL(url).hostname);
    const { random, faults, open } = cluster;
    this.#socket = socket;
    this.#lagMs = random.pick(faults.lagsMs);
    admit(cluster, this, 'socket');
    open.set(this, `socket to ${this.node}`);
    const fate = faults.downNodes.has(this.node) ? 'refuses' : faults.blocked.get('websocket');
    if (fate === 'swallows') this.fallSilent();
    this.#down(() => {
      if (fate === 'refuses') this.#fail();
      else if (!fate) socket.onopen?.({} as never);
    });
  }

  #fail(): void {
    this.#socket.onerror?.({} as never);
    this.#close(1006, '');
  }

  #close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.closed();
    this.#socket.onclose?.({ code, reason } as never);
  }

  /** By the client, or it knows. */
  closed(): void {
    this.isOpen = false;
    this.cluster.ways.delete(this);
    this.cluster.open.delete(this);
  }

  #down(what: () => void): void {
    const { clock, random } = this.cluster;
    const now = clock.monotonic();
    this.#downMs = Math.max(this.#downMs, now + random.below(this.#lagMs + 1));
    clock.page(this.#downMs - now, () => this.isOpen && what());
  }

  protected say(event: object, arrived?: () => void): void {
    const { random } = this.cluster;
    if (this.#frame && random.chance(0.5)) {
      this.#frame.events.push(event);
      if (arrived) this.#frame.arrived.push(arrived);
      return;
    }
    const frame = { events: [event], arrived: arrived ? [arrived] : [] };
    if (this.#features.includes('batch')) this.#frame = frame;
    this.#down(() => {
      if (this.#frame === frame) this.#frame = undefined;
      const { events } = frame;
      const several = this.#features.includes('brief') ? inBrief(events) : events;
      const data = JSON.stringify(events.length > 1 ? several : events[0]);
      this.#socket.onmessage?.({ data } as never);
      if (this.isOpen) for (const tell of frame.arrived) tell();
    });
  }

  lose(): void {
    this.cluster.ways.delete(this);
    const close = () => this.#close(1006, '');
    // With what was on its way, or behind it.
    if (this.cluster.random.chance(0.5)) this.cluster.clock.page(0, close);
    else this.#down(close);
  }

  end(code: number, reason: string, retryAfterMs?: number): void {
    if (retryAfterMs) this.say({ type: 'error', code: reason.split(':')[0], message: reason, retryAfterMs });
    this.cluster.ways.delete(this);
    this.#down(() => this.#close(code, reason));
  }

  /** The client sends a frame. */
  command(text: string): void {
    const { clock, random } = this.cluster;
    const now = clock.monotonic();
    this.#upMs = Math.max(this.#upMs, now + random.below(this.#lagMs + 1));
    clock.world(this.#upMs - now, () => {
      if (this.cluster.ways.has(this)) this.#answer(JSON.parse(text) as Command);
    });
  }

  #answer(command: Command): void {
    const { faults, random, broken } = this.cluster;
    const { type, id } = command;
    if (type === 'connect') return this.#connect(command);
    if (!this.#ticket) {
      if (type !== 'subscribe') broken.push(`${type} before connect`);
      return;
    }
    const isRefused = random.chance(faults.refusal) && /^(publish|subscribe|quiet|refresh)$/.test(type);
    if (isRefused) {
      this.say({ type: 'error', id, code: 'rate_limited', message: 'rate', retryAfterMs: 1 + random.below(900) });
    } else if (type === 'ping') this.#ping(id);
    else if (type === 'quiet') this.#quiet(command);
    else if (type === 'refresh') this.#refresh(command);
    else if (type === 'publish') {
      this.say({ type: 'published', id, channel: command.channel, offset: this.cluster.store(command) });
    } else if (type === 'unsubscribe') this.#unsubscribe(command);
    else if (type === 'subscribe') this.#subscribe(command);
    else broken.push(`a command that nobody knows: ${type}`);
  }

  #connect({ id, token, features }: Command): void {
    const { faults } = this.cluster;
    const expiresInMs = this.cluster.expiresAtMs(String(token)) - this.cluster.clock.monotonic();
    if (!(expiresInMs > 0)) return this.end(4005, 'token_expired: the ticket has ended');
    this.#features = faults.features.filter((one) => (features as string[]).includes(one));
    this.#ticket = String(token);
    const who = { connection: 'c-s.1', node: this.node, user: 'u', expiresInMs };
    this.say({ type: 'connected', id, ...who, heartbeatMs: HEARTBEAT_MS, limits: LIMITS, features: this.#features });
    this.#beat();
    this.#watchTicket();
  }

  #watchTicket(): void {
    const { clock, ways } = this.cluster;
    const ticket = this.#ticket;
    const leftMs = this.cluster.expiresAtMs(ticket) - clock.monotonic();
    clock.world(leftMs, () => {
      if (ways.has(this) && this.#ticket === ticket) this.end(4005, 'token_expired: the ticket has ended');
    });
  }

  #beat(): void {
    const { clock, ways } = this.cluster;
    const mine = ++this.#beats;
    clock.world(this.#heartbeatMs - 200, () => {
      if (mine !== this.#beats || !ways.has(this)) return;
      this.say({ type: 'heartbeat' });
      this.#beat();
    });
  }

  #ping(id: number): void {
    if (this.#features.includes('ping')) this.say({ type: 'pong', id });
    else this.say({ type: 'error', id, code: 'unknown_type', message: 'ping' });
  }

  #quiet({ id, heartbeatMs }: Command): void {
    this.#heartbeatMs = Number(heartbeatMs);
    this.say({ type: 'quieted', id, heartbeatMs });
    this.#beat();
  }

  #refresh({ id, token }: Command): void {
    const expiresInMs = this.cluster.expiresAtMs(String(token)) - this.cluster.clock.monotonic();
    if (!(expiresInMs > 0)) return this.say({ type: 'error', id, code: 'token_expired', message: 'ended' });
    this.#ticket = String(token);
    this.#watchTicket();
    this.say({ type: 'refreshed', id, expiresInMs });
  }

  #unsubscribe({ id, channels }: Command): void {
    for (const channel of channels as string[]) {
      const isKnown = this.seats.delete(channel);
      if (isKnown) this.say({ type: 'unsubscribed', id, channel });
      else this.say({ type: 'error', id, channel, code: 'not_subscribed', message: channel });
    }
  }

  #subscribe({ id, channels }: Command): void {
    checkBegins(this.cluster, channels, this.#features);
    for (const [channel, begin] of Object.entries(channels as Record<string, Begin>)) {
      if (this.cluster.faults.forbidden.has(channel)) {
        this.say({ type: 'error', id, channel, code: 'forbidden_channel', message: channel });
        continue;
      }
      if (this.seats.has(channel)) this.cluster.broken.push(`${channel} was asked for twice on one link`);
      this.askedFor(channel);
      this.attach(channel, begin, id);
    }
  }
}
