// A cluster that keeps its word, over every transport, behind a network that is slow and may be cut: discovery, nodes and a broker.

import type { Fetch, WebSocketConstructor, WebSocketLike } from '../../client-sdk/types.js';
import type { Random } from '../support/random.js';
import { ChannelLog } from './channel-log.js';
import { Exchange, problem } from './exchange.js';
import type { Faults } from './faults.js';
import { PollWay } from './poll-way.js';
import { SocketWay } from './socket-way.js';
import { StreamWay } from './stream-way.js';
import type { Cluster, Way } from './way.js';
import type { WorldClock } from './world-clock.js';

const NODES = ['n1', 'n2', 'n3'];
const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'];
/** More than that at one moment, or so many in a second, are a loop. */
const MAX_REQUESTS = 60;

export class Server implements Cluster {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly faults: Faults;
  readonly ways = new Set<Way>();
  readonly open = new Map<object, string>();
  readonly broken: string[] = [];
  readonly WebSocket: WebSocketConstructor;
  readonly #logs = new Map<string, ChannelLog>();
  readonly #tickets = new Map<string, number>();
  /** Idempotency keys: what was published with them, and where it is. */
  readonly #stored = new Map<string, { readonly data: unknown; readonly offset: string }>();
  #secondMs = 0;
  #requests = 0;
  arrived: Cluster['arrived'] = () => {};
  /** Something that a client has published is stored for the first time. */
  onstore: (channel: string, data: unknown) => void = () => {};

  constructor(clock: WorldClock, random: Random, faults: Faults) {
    this.clock = clock;
    this.random = random;
    this.faults = faults;
    const server = this;
    this.WebSocket = class implements WebSocketLike {
      onopen: ((event: never) => void) | null = null;
      onmessage: ((event: never) => void) | null = null;
      onclose: ((event: never) => void) | null = null;
      onerror: ((event: never) => void) | null = null;
      readonly #way: SocketWay;
      constructor(url: string) {
        server.#count();
        this.#way = new SocketWay(server, url, this);
      }
      send(data: string) {
        if (!this.#way.isOpen) server.broken.push('sent on a socket that is closed');
        this.#way.command(data);
      }
      close() {
        this.#way.closed();
      }
    };
  }

  log(channel: string): ChannelLog {
    const log = this.#logs.get(channel) ?? new ChannelLog();
    this.#logs.set(channel, log);
    return log;
  }

  publish(channel: string, data: unknown): string {
    const { offset } = this.log(channel).append(data);
    this.changed(channel);
    return offset;
  }

  changed(channel: string): void {
    for (const way of [...this.ways]) way.changed(channel);
  }

  expiresAtMs(ticket: string | undefined): number {
    return this.#tickets.get(ticket ?? '') ?? 0;
  }

  store({ channel, key, data }: Readonly<Record<string, unknown>>): string {
    const id = `${channel} ${key}`;
    const before = this.#stored.get(id);
    if (before) {
      if (before.data !== data) this.broken.push(`the key ${key} came with other data`);
      return before.offset;
    }
    const offset = this.publish(String(channel), data);
    this.#stored.set(id, { data, offset });
    this.onstore(String(channel), data);
    return offset;
  }

  hasMore(): void {
    this.#requests--;
  }

  #count(): void {
    const nowMs = this.clock.monotonic();
    if (nowMs - this.#secondMs >= 1_000) {
      this.#secondMs = nowMs;
      this.#requests = 0;
    }
    if (++this.#requests === MAX_REQUESTS) this.broken.push('a loop of requests');
  }

  readonly fetch: Fetch = (url, init) => {
    const exchange = new Exchange(this.clock, this.random, url, init);
    const { hostname, pathname } = exchange.url;
    const kind = /poll/.test(pathname) ? 'poll' : /stream/.test(pathname) ? 'sse' : '';
    const lagMs = this.random.pick(this.faults.lagsMs);
    this.#count();
    if (!exchange.isOpen) return exchange.answer;
    this.open.set(exchange, `POST ${hostname}${pathname}`);
    exchange.onend = () => this.open.delete(exchange);
    const fate = this.faults.downNodes.has(hostname) ? 'refuses' : this.faults.blocked.get(kind);
    if (fate === 'refuses') exchange.fail(lagMs);
    else if (!fate) this.clock.world(this.random.below(lagMs + 1), () => this.#meet(exchange, lagMs));
    return exchange.answer;
  };

  /** The network has its say, then the server. */
  #meet(exchange: Exchange, lagMs: number): void {
    const { loss } = this.faults;
    if (!exchange.isOpen) return;
    if (this.random.chance(loss)) {
      // Nothing comes of it, or it is refused.
      if (this.random.chance(0.5)) exchange.fail(lagMs);
      return;
    }
    if (exchange.url.hostname === 'discovery.test') this.#discover(exchange, lagMs);
    else this.#serve(exchange, lagMs);
  }

  #discover(exchange: Exchange, lagMs: number): void {
    const { faults, random, clock } = this;
    if (faults.isDiscoveryDown) return exchange.fail(lagMs);
    if (faults.isPortal) return exchange.respond(lagMs, 200, '<html>');
    if (faults.refusesTokens) return exchange.respond(lagMs, 401, problem('token_expired'));
    const ticket = `t${this.#tickets.size + 1}`;
    this.#tickets.set(ticket, clock.monotonic() + faults.ticketMs);
    const excluded = (exchange.body.exclude ?? []) as readonly string[];
    const [first, ...others] = NODES.toSorted((a, b) => {
      return Number(excluded.includes(a)) - Number(excluded.includes(b)) || random.next() - 0.5;
    }).map((id) => ({ id, url: `http://${id}`, features: faults.features }));
    const assigned = { node: first, alternatives: others, transports: TRANSPORTS };
    const isConnect = exchange.url.pathname === '/v1/connect';
    const answer = { ...(isConnect && assigned), ticket, expiresInMs: faults.ticketMs };
    exchange.respond(lagMs, 200, JSON.stringify(answer));
  }

  #serve(exchange: Exchange, lagMs: number): void {
    const { faults, random, clock } = this;
    const refuse = (status: number, code: string, more = {}) => exchange.respond(lagMs, status, problem(code, more));
    if (random.chance(faults.refusal)) return refuse(429, 'rate_limited', { retryAfterMs: 1 + random.below(900) });
    if (!(this.expiresAtMs(exchange.token) > clock.monotonic())) return refuse(401, 'token_expired');
    const { pathname } = exchange.url;
    if (pathname === '/v1/publish') {
      const offset = this.store(exchange.body);
      if (random.chance(faults.loss)) return exchange.fail(lagMs);
      return exchange.respond(lagMs, 200, JSON.stringify({ offset }));
    }
    const channels = Object.keys(exchange.body.channels as object).filter((name) => faults.forbidden.has(name));
    if (channels[0]) return refuse(403, 'forbidden_channel', { channels });
    this.open.delete(exchange);
    if (pathname === '/v1/stream') new StreamWay(this, exchange, lagMs);
    else new PollWay(this, exchange, lagMs);
  }
}
