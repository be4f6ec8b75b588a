// A real node, a discovery that hands it out, and a page with the SDK, all of them behind a proxy with bad manners.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Origins } from '../../src/http/origins.js';
import { LIMITS } from '../../src/protocol/index.js';
import { HostileProxy, type Manners } from './hostile-proxy.js';
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
    const known: Front = { url: '', ticket: () => '', page, sdk };
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
    });
    nodePort = Number(new URL(node.url).port);
    known.ticket = () => node.ticket();
    return new HostileWorld(proxy, node, front, known);
  }

  /** Where clients go: to the proxy, or to another one in front of it. */
  get url(): string {
    return this.#known.url;
  }

  set url(url: string) {
    this.#known.url = url;
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
  ticket: () => string;
  readonly page: string;
  readonly sdk: string;
}

/** What discovery answers, and the page. */
function answer(request: IncomingMessage, response: ServerResponse, { url, ticket, page, sdk }: Front): void {
  const say = (type: string, body: string) => response.writeHead(200, { 'Content-Type': type }).end(body);
  const given = () => ({ ticket: ticket(), expiresInMs: 600_000 });
  if (request.url === '/') return void say('text/html', page);
  if (request.url === '/sdk.js') return void say('text/javascript', sdk);
  if (request.url === '/v1/ticket') return void say('application/json', JSON.stringify(given()));
  if (request.url !== '/v1/connect') return void response.writeHead(404).end();
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { transports } = JSON.parse(body);
    say('application/json', JSON.stringify({ ...given(), node: { id: 'n1', url }, alternatives: [], transports }));
  });
}
