// The test server's HTTP: discovery, streams, polls, publishes.

import type { Begin, PolledMessage } from '../../src/protocol/index.js';
import type { Fetch, RequestLike, ResponseLike } from '../types.js';
import { beginIn } from './log.js';
import type { Publication } from './publication.js';
import type { Server, Way } from './server.js';

type Channels = readonly (readonly [string, Begin])[];

interface Reply {
  respond(status: number, body?: unknown, headers?: Record<string, string>): void;
  refuse(status: number, code: string, channels?: readonly string[]): void;
  /** The network fails. */
  fail(): void;
  stream(body: unknown): void;
}

const aborted = () => Object.assign(new Error('aborted'), { name: 'AbortError' });

const response = (status: number, content: unknown, headers: Record<string, string>, body?: unknown): ResponseLike => ({
  ok: status < 300,
  status,
  headers: { get: (name) => headers[name] ?? null },
  body,
  json: async () => JSON.parse(JSON.stringify(content)),
});

export function createFetch(server: Server): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const request = {};
      server.requests.add(request);
      const end = (settle: () => void) => {
        init.signal.removeEventListener('abort', abort);
        if (server.requests.delete(request)) settle();
      };
      const abort = () => end(() => reject(aborted()));
      const respond: Reply['respond'] = (status, body, headers = {}) =>
        server.later(() => end(() => resolve(response(status, body, headers))));
      const reply: Reply = {
        respond,
        refuse: (status, code, channels) =>
          respond(status, { type: `urn:fanfare:problem:${code}`, status, code, title: code, detail: code, channels }),
        fail: () => server.later(() => end(() => reject(new TypeError('fetch failed')))),
        stream: (body) => end(() => resolve(response(200, undefined, {}, body))),
      };
      init.signal.addEventListener('abort', abort);
      if (init.signal.aborted) return abort();
      server.later(() => server.requests.has(request) && serve(server, url, init, reply));
    });
}

const ticketOf = ({ headers }: RequestLike): string | undefined => headers.Authorization?.replace('Bearer ', '');

function serve(server: Server, url: string, init: RequestLike, reply: Reply): void {
  const path = url.slice(url.indexOf('/v1/') + 4);
  const body = JSON.parse(init.body ?? '{}') as object;
  const { session } = body as { readonly session?: unknown };
  const isNode = /^(poll|stream|publish)/.test(path);
  if (server.isDown && !isNode) return reply.fail();
  if (path === 'connect') return reply.respond(200, server.assignment(session));
  if (path === 'ticket') return reply.respond(200, server.ticket(session));
  if (path === 'publish') {
    const publication = body as Publication;
    const refusal = server.refusalOf(publication, ticketOf(init));
    if (refusal) return reply.refuse(...refusal, [publication.channel]);
    return reply.respond(200, { channel: publication.channel, offset: server.store(publication, ticketOf(init)) });
  }
  const { channels: asked, waitMs = 0 } = body as { channels: Record<string, Begin>; waitMs?: number };
  const channels: Channels = Object.entries(asked).map(([name, place]) => [name, beginIn(place)]);
  const denied = channels.map(([channel]) => channel).filter((channel) => server.forbidden.has(channel));
  if (server.blocked.has(path === 'stream' ? 'sse' : 'poll')) return reply.fail();
  if (denied[0]) return reply.refuse(403, 'forbidden_channel', denied);
  if (path === 'stream') stream(server, channels, init, reply);
  else poll(server, channels, waitMs, init, reply);
}

type Piece = { readonly done: boolean; readonly value?: Uint8Array };

/** What a reader of a body takes, without the host's streams. */
function createPipe() {
  const pieces: (() => Piece)[] = [];
  const waiting: ((take: () => Piece) => void)[] = [];
  const push = (take: () => Piece) => {
    const next = waiting.shift();
    if (next) next(take);
    else pieces.push(take);
  };
  const read = async () => {
    const take = pieces.shift() ?? (await new Promise<() => Piece>((resolve) => waiting.push(resolve)));
    return take();
  };
  return { push, body: { getReader: () => ({ read }) } };
}

function stream(server: Server, channels: Channels, init: RequestLike, reply: Reply): void {
  const { signal } = init;
  const down = server.line();
  const pipe = createPipe();
  let isOpen = true;
  const abort = () => finish(fail(aborted()));
  const finish = (last: () => Piece) => {
    signal.removeEventListener('abort', abort);
    server.leave(way);
    if (isOpen) pipe.push(last);
    isOpen = false;
  };
  const fail = (error: Error) => () => {
    throw error;
  };
  const hear = (event: object) => {
    const value = new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`);
    down(() => isOpen && pipe.push(() => ({ done: false, value })));
  };
  const way: Way = {
    channels: new Map(),
    hear,
    lose: () => finish(fail(new TypeError('terminated'))),
    end: (code, reason) => {
      hear({ type: 'close', code, reason });
      down(() => finish(() => ({ done: true })));
    },
  };
  signal.addEventListener('abort', abort);
  server.ways.add(way);
  reply.stream(pipe.body);
  server.welcome(way, {}, ticketOf(init));
  for (const [channel, begin] of channels) server.attach(way, channel, begin);
}

function poll(server: Server, channels: Channels, waitMs: number, { signal }: RequestLike, reply: Reply): void {
  const { clock } = server.settings;
  const headers: Record<string, string> = server.isMoving ? { 'Fanfare-Move': '1' } : {};
  const look = (live: readonly (readonly [string, PolledMessage])[] = []) => {
    const news = channels.flatMap(([channel, begin]) => {
      const log = server.log(channel);
      const { at, gap } = log.enter(begin);
      const messages = [...log.after(at), ...live.filter(([name]) => name === channel).map(([, message]) => message)];
      const isNews = messages[0] || gap || begin === 'now' || typeof begin === 'object';
      return isNews ? [[channel, { offset: log.offset(log.tail), messages, ...(gap && { gap }) }]] : [];
    });
    return news[0] ? { channels: Object.fromEntries(news) } : undefined;
  };
  const now = look();
  if (now || !waitMs || server.isMoving) return reply.respond(now ? 200 : 204, now, headers);
  const abort = () => finish(() => {});
  const finish = (settle: () => void) => {
    signal.removeEventListener('abort', abort);
    clock.clearTimeout(timer as never);
    if (server.leave(way)) settle();
  };
  const way: Way = {
    channels: new Map(channels.map(([channel]) => [channel, 0])),
    hear: (event) => {
      const { channel, type, ...message } = event as { channel: string; type: string } & PolledMessage;
      finish(() => reply.respond(200, look(message.offset ? [] : [[channel, message]])));
    },
    lose: () => finish(() => reply.fail()),
    end: (code, reason) => {
      const status = code < 4500 ? 503 : /[13]$/.test(String(code)) ? 401 : 403;
      finish(() => reply.refuse(status, reason.split(':')[0] as string));
    },
  };
  server.ways.add(way);
  signal.addEventListener('abort', abort);
  const timer = clock.setTimeout(() => finish(() => reply.respond(204)), waitMs);
}
