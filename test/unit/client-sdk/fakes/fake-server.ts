// A server that keeps its word, over every transport, behind a network that is slow and may be cut: for clients that run by themselves.

import type { Fetch, RequestLike, WebSocketConstructor, WebSocketLike } from '../../../../client-sdk/types.js';
import type { FakeClock } from './fake-clock.js';
import { FakeLog } from './fake-log.js';
import { offset, TRANSPORTS } from './world.js';

const HEARTBEAT_MS = 7_000;
const NODES = ['n1', 'n2', 'n3'].map((id) => ({ id, url: `http://${id}.test` }));
const limits = { maxFrameBytes: 65_536, maxMessageBytes: 65_536, channelsPerConnection: 128 };

type Fields = Record<string, unknown> & { readonly id?: number };

/** One WebSocket, stream or poll that waits: what the client hears of it, and what it ends with. */
interface Way {
  /** 0 for those that it is let into; else by which command it will be. */
  readonly channels: Map<string, number>;
  hear(event: object): void;
  /** The network loses it. */
  lose(): void;
  /** The node ends it. */
  end(code: number, reason: string): void;
}

export class FakeServer {
  readonly logs = new Map<string, FakeLog>();
  /** Idempotency keys, and what they were stored as. */
  readonly stored = new Map<string, number>();
  readonly ways = new Set<Way>();
  /** Requests that are neither answered nor given up. */
  readonly requests = new Set<object>();
  readonly #clock: FakeClock;
  readonly #random: () => number;
  #serial = 0;
  /** What does not work now. */
  isDown = false;
  isMoving = false;
  readonly blocked = new Set<string>();
  readonly WebSocket: WebSocketConstructor;

  constructor(clock: FakeClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    const server = this;
    this.WebSocket = class implements WebSocketLike {
      onopen: ((event: never) => void) | null = null;
      onmessage: ((event: never) => void) | null = null;
      onclose: ((event: never) => void) | null = null;
      onerror: ((event: never) => void) | null = null;
      readonly #way = server.#socketWay(this);
      send(data: string) {
        this.#way.command(JSON.parse(data));
      }
      close() {
        server.ways.delete(this.#way);
      }
    };
  }

  log(channel: string): FakeLog {
    const log = this.logs.get(channel) ?? new FakeLog();
    this.logs.set(channel, log);
    return log;
  }

  publish(channel: string): number {
    const log = this.log(channel);
    log.tail++;
    for (const way of this.#listening(channel)) way.hear(message(channel, log.tail));
    return log.tail;
  }

  /** To who listens now. */
  tell(channel: string, data: string): void {
    for (const way of this.#listening(channel)) way.hear({ type: 'message', channel, data });
  }

  #listening(channel: string): Way[] {
    return [...this.ways].filter(({ channels }) => channels.get(channel) === 0);
  }

  later(what: () => void, mostMs = 80): void {
    this.#clock.setTimeout(what, Math.floor(this.#random() * mostMs));
  }

  /** What one end says comes to the other in order, each a little later. */
  #line(): (what: () => void) => void {
    let lastMs = 0;
    return (what) => {
      const now = this.#clock.monotonic();
      lastMs = Math.max(lastMs, now + Math.floor(this.#random() * 80));
      this.#clock.setTimeout(what, lastMs - now);
    };
  }

  /** Lets a way into a channel, which takes a moment where nobody had it open. */
  #attach(way: Way, channel: string, after: string, id?: number): void {
    const mine = ++this.#serial;
    way.channels.set(channel, mine);
    const enter = () => {
      if (!this.ways.has(way) || way.channels.get(channel) !== mine) return;
      const log = this.log(channel);
      const { at, gap } = log.enter(after);
      const from = after === 'now' || after === '-1' || gap ? offset(at) : after;
      way.hear({ type: 'subscribed', ...(id && { id }), channel, offset: from, recovered: !gap });
      if (gap) way.hear({ type: 'gap', channel, ...gap });
      for (const n of log.after(at)) way.hear(message(channel, n));
      way.channels.set(channel, 0);
    };
    if (this.#random() < 0.5) this.later(enter, 600);
    else enter();
  }

  #beat(way: Way): void {
    this.#clock.setTimeout(() => {
      if (!this.ways.has(way)) return;
      way.hear({ type: 'heartbeat' });
      this.#beat(way);
    }, HEARTBEAT_MS - 200);
  }

  #socketWay(socket: WebSocketLike): Way & { command(fields: Fields): void } {
    const down = this.#line();
    const up = this.#line();
    const isOpen = () => this.ways.has(way);
    const say = (event: object) => down(() => isOpen() && socket.onmessage?.({ data: JSON.stringify(event) } as never));
    const end = (code: number, reason = '') => {
      this.ways.delete(way);
      socket.onclose?.({ code, reason } as never);
    };
    const way = {
      channels: new Map<string, number>(),
      hear: say,
      lose: () => end(1006),
      end,
      command: (fields: Fields) => up(() => isOpen() && this.#answer(way, fields)),
    };
    this.ways.add(way);
    down(() => {
      if (this.blocked.has('websocket')) end(1006);
      else if (isOpen()) socket.onopen?.({} as never);
    });
    return way;
  }

  #answer(way: Way, { type, id = 0, channels = {}, ...fields }: Fields): void {
    if (type === 'connect') {
      way.hear({ type: 'connected', id, connection: 'c', node: 'n', user: 'u', heartbeatMs: HEARTBEAT_MS, limits });
      this.#beat(way);
    } else if (type === 'ping') way.hear({ type: 'pong', id });
    else if (type === 'refresh') way.hear({ type: 'refreshed', id, expiresInMs: 600_000 });
    else if (type === 'publish') way.hear({ type: 'published', id, offset: offset(this.#store(fields)) });
    else if (type === 'unsubscribe') {
      for (const channel of channels as string[]) {
        way.channels.delete(channel);
        way.hear({ type: 'unsubscribed', id, channel });
      }
    } else if (type === 'subscribe') {
      for (const [channel, after] of Object.entries(channels as Record<string, string>))
        this.#attach(way, channel, after, id);
    } else throw new Error(`a command that nobody knows: ${type}`);
  }

  #store({ channel, key }: Fields): number {
    const id = `${channel} ${key}`;
    const n = this.stored.get(id) ?? this.publish(String(channel));
    this.stored.set(id, n);
    return n;
  }

  readonly fetch: Fetch = (url, init) =>
    new Promise((resolve, reject) => {
      const request = {};
      this.requests.add(request);
      const end = (settle: () => void) => {
        if (this.requests.delete(request)) settle();
      };
      const respond = (status: number, body: unknown, headers = {}) =>
        this.later(() => end(() => resolve(new Response(body ? JSON.stringify(body) : null, { status, headers }))));
      init.signal.addEventListener('abort', () => end(() => reject(new DOMException('aborted', 'AbortError'))));
      const fail = () => this.later(() => end(() => reject(new TypeError('fetch failed'))));
      this.later(() => this.requests.has(request) && this.#serve(new URL(url), init, { respond, fail, end, resolve }));
    });

  #serve({ pathname }: URL, init: RequestLike, to: Reply): void {
    const body = JSON.parse(init.body) as Fields;
    const isNode = /poll|stream|publish/.test(pathname);
    if (this.isDown && !isNode) return to.fail();
    if (pathname === '/v1/connect') {
      const [node, ...alternatives] = NODES.toSorted(() => this.#random() - 0.5);
      return to.respond(200, { node, alternatives, ticket: 't', expiresInMs: 600_000, transports: TRANSPORTS });
    }
    if (pathname === '/v1/ticket') return to.respond(200, { ticket: 't', expiresInMs: 600_000 });
    if (pathname === '/v1/publish') return to.respond(200, { offset: offset(this.#store(body)) });
    const channels = Object.entries(body.channels as Record<string, string>);
    if (pathname === '/v1/stream') return this.blocked.has('sse') ? to.fail() : this.#stream(channels, init, to);
    if (this.blocked.has('poll')) return to.fail();
    this.#poll(channels, Number(body.waitMs), init, to);
  }

  #stream(channels: [string, string][], { signal }: RequestLike, to: Reply): void {
    const down = this.#line();
    let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
    const finish = (settle: (open: ReadableStreamDefaultController<Uint8Array>) => void) => {
      this.ways.delete(way);
      if (stream) settle(stream);
      stream = undefined;
    };
    const write = (text: string) => down(() => stream?.enqueue(new TextEncoder().encode(text)));
    const way: Way = {
      channels: new Map(),
      hear: (event) => write(`data: ${JSON.stringify(event)}\n\n`),
      lose: () => finish((open) => open.error(new TypeError('terminated'))),
      end: (code, reason) => {
        way.hear({ type: 'close', code, reason });
        down(() => finish((open) => open.close()));
      },
    };
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        stream = controller;
      },
    });
    signal.addEventListener('abort', () => finish((open) => open.error(new DOMException('aborted', 'AbortError'))));
    this.ways.add(way);
    to.end(() => to.resolve(new Response(source, { status: 200 })));
    way.hear({ type: 'connected', connection: 'c', node: 'n', user: 'u', heartbeatMs: HEARTBEAT_MS, limits });
    for (const [channel, after] of channels) this.#attach(way, channel, after);
    this.#beat(way);
  }

  #poll(channels: [string, string][], waitMs: number, { signal }: RequestLike, to: Reply): void {
    const headers: Record<string, string> = this.isMoving ? { 'Fanfare-Move': '1' } : {};
    const look = (live: readonly object[] = []) => {
      const news = channels.flatMap(([channel, after]) => {
        const log = this.log(channel);
        const { at, gap } = log.enter(after);
        const logged = log.after(at).map((n) => message(channel, n));
        const messages = [...logged, ...live.filter((one) => (one as { channel: string }).channel === channel)];
        const isNews = messages[0] || gap || after === 'now';
        return isNews ? [[channel, { offset: offset(log.tail), messages, ...(gap && { gap }) }]] : [];
      });
      return news[0] ? { channels: Object.fromEntries(news) } : undefined;
    };
    const now = look();
    if (now || !waitMs || this.isMoving) return to.respond(now ? 200 : 204, now, headers);
    const finish = (settle: () => void) => this.ways.delete(way) && settle();
    const way: Way = {
      channels: new Map(channels.map(([channel]) => [channel, 0])),
      hear: (event) => {
        const isLogged = 'offset' in event;
        if ('channel' in event) finish(() => to.respond(200, isLogged ? look() : look([event])));
      },
      lose: () => finish(() => to.fail()),
      end: () => finish(() => to.respond(503, { type: 'urn:fanfare:problem:draining', code: 'draining' })),
    };
    this.ways.add(way);
    signal.addEventListener('abort', () => this.ways.delete(way));
    this.#clock.setTimeout(() => finish(() => to.respond(204, undefined)), waitMs);
  }
}

interface Reply {
  respond(status: number, body: unknown, headers?: Record<string, string>): void;
  fail(): void;
  end(settle: () => void): void;
  resolve(response: Response): void;
}

const message = (channel: string, n: number) => ({ type: 'message', channel, offset: offset(n), data: n });
