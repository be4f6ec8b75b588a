// A real node, a discovery that hands it out, and a page with the SDK, all of them behind a proxy with bad manners.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Origins } from '../../src/http/origins.js';
import { LIMITS } from '../../src/protocol/index.js';
import { HostileProxy, type Manners } from './hostile-proxy.js';
import type { Rate } from './limits.js';
import { startNode, type TestNode } from './push-node.js';

const NAMESPACES = { default: { historySize: 2_000 } };
/** How often something is said, so that somebody who is deaf for a while has missed something. */
const TICK_MS = 50;

export interface HostileSetup {
  readonly manners?: Manners;
  readonly engine?: 'uws' | 'ws';
  readonly heartbeatMs?: number;
  /** What the page is; without it there is none. */
  readonly page?: string;
  readonly sdk?: string;
  /** Scripts beside it, by path. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** How long tickets last, and how long clients are told that they do. */
  readonly ticketLifeMs?: number;
  readonly toldLifeMs?: number;
  readonly commandRate?: Rate;
}

export class HostileWorld {
  readonly proxy: HostileProxy;
  readonly node: TestNode;
  readonly #known: Front;
  readonly #front: ReturnType<typeof createServer>;
  readonly #ticking: { timer?: NodeJS.Timeout; done: Promise<unknown> } = { done: Promise.resolve() };
  /** What has been said on a channel since `talk`: 1 to this. */
  said = 0;

  private constructor(proxy: HostileProxy, node: TestNode, front: ReturnType<typeof createServer>, known: Front) {
    this.#known = known;
    this.proxy = proxy;
    this.node = node;
    this.#front = front;
  }

  static async start({ manners = {}, engine = 'ws', ...setup }: HostileSetup = {}): Promise<HostileWorld> {
    const { page = '', sdk = '', heartbeatMs = LIMITS.heartbeatMs } = setup;
    const { ticketLifeMs = 600_000, toldLifeMs = ticketLifeMs, scripts = {}, commandRate } = setup;
    const known: Front = {
      ...{ url: '', page, scripts: { '/sdk.js': sdk, ...scripts }, faults: 0, isTokenSourceDown: false },
      given: () => ({ ticket: '', expiresInMs: 0 }),
      token: () => '',
    };
    const front = createServer((request, response) => answer(request, response, known));
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const frontPort = (front.address() as AddressInfo).port;
    let nodePort = 0;
    const isNodes = (path: string) => /^\/v1\/(ws|stream|poll|publish)$/.test(path);
    const proxy = new HostileProxy((path) => (isNodes(path) ? nodePort : frontPort), manners);
    known.url = await proxy.listen();
    const node = await startNode({
      engine,
      namespaces: NAMESPACES,
      options: { origins: new Origins([known.url]), heartbeatMs },
      ...(commandRate && { commandRate }),
    });
    nodePort = Number(new URL(node.url).port);
    known.given = () => ({ ticket: node.ticket('u1', {}, ticketLifeMs), expiresInMs: toldLifeMs });
    known.token = () => node.token('u1', 'j1');
    return new HostileWorld(proxy, node, front, known);
  }

  /** Where clients go: to the proxy, or to another one in front of it. */
  get url(): string {
    return this.#known.url;
  }

  set url(url: string) {
    this.#known.url = url;
  }

  /** Whether the application's endpoint for tokens gives none: it refuses, hands out a page, or breaks off, in turn. */
  set isTokenSourceDown(isDown: boolean) {
    this.#known.isTokenSourceDown = isDown;
  }

  /** Says numbers on a channel, as a backend does, past the proxy. */
  talk(channel: string): void {
    const tick = async () => {
      await this.node.broker.publish({ channel, data: String(this.said + 1) });
      this.said++;
    };
    this.#ticking.timer = setInterval(() => {
      this.#ticking.done = this.#ticking.done.then(tick);
    }, TICK_MS);
  }

  async hush(): Promise<void> {
    clearInterval(this.#ticking.timer);
    await this.#ticking.done;
  }

  async close(): Promise<void> {
    await this.hush();
    await this.proxy.close();
    const closed = once(this.#front, 'close');
    this.#front.close();
    this.#front.closeAllConnections();
    await closed;
    await this.node.close();
  }
}

interface Front {
  url: string;
  readonly page: string;
  readonly scripts: Readonly<Record<string, string>>;
  given: () => { readonly ticket: string; readonly expiresInMs: number };
  token: () => string;
  isTokenSourceDown: boolean;
  /** How often the endpoint for tokens gave none. */
  faults: number;
}

/** What discovery and the application answer, and the page; another page is empty. */
function answer(request: IncomingMessage, response: ServerResponse, front: Front): void {
  const { url, given, page, scripts } = front;
  const path = request.url?.split('?')[0] ?? '';
  const say = (type: string, body: string) => response.writeHead(200, { 'Content-Type': type }).end(body);
  const script = scripts[path];
  if (path === '/') return void say('text/html', page);
  if (path === '/elsewhere') return void say('text/html', '<!DOCTYPE html><title>elsewhere</title>');
  if (script !== undefined) return void say('text/javascript', script);
  if (path === '/token') return void answerToken(response, front);
  if (path === '/v1/ticket') return void say('application/json', JSON.stringify(given()));
  if (path !== '/v1/connect') return void response.writeHead(404).end();
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { transports } = JSON.parse(body);
    say('application/json', JSON.stringify({ ...given(), node: { id: 'n1', url }, alternatives: [], transports }));
  });
}

function answerToken(response: ServerResponse, front: Front): void {
  if (!front.isTokenSourceDown)
    return void response.writeHead(200, { 'Content-Type': 'text/plain' }).end(front.token());
  const fault = front.faults++ % 3;
  if (fault === 0) response.writeHead(503).end();
  else if (fault === 1) response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>We are back in a minute.</p>');
  else response.destroy();
}
