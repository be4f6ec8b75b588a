// Real nodes on one real Redis, each behind a link that can be cut, and a discovery that hands them out in turn.

import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { type NamespaceOptions, Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { startNode, type TestNode } from '../support/push-node.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const NAMESPACES: Readonly<Record<string, Partial<NamespaceOptions>>> = {
  default: { historySize: 2_000 },
  short: { historySize: 5 },
};

/** A TCP link whose connections can be cut. */
export class CuttableLink {
  readonly #server: ReturnType<typeof createTcpServer>;
  readonly #sockets = new Set<Socket>();
  /** Connections so far. */
  count = 0;

  constructor(targetPort: number) {
    this.#server = createTcpServer((socket) => {
      const onward = connect(targetPort, '127.0.0.1');
      this.count++;
      for (const [from, to] of [
        [socket, onward],
        [onward, socket],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets every connection; new ones get through. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Resets every connection and refuses new ones. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }
}

export interface Member {
  readonly id: string;
  readonly node: TestNode;
  readonly link: CuttableLink;
  readonly url: string;
}

export class Cluster {
  readonly #redis: RedisServer;
  readonly #discovery: Server;
  readonly members: Member[] = [];
  /** What the next tickets allow, and for how long. */
  grants = { subscribe: ['*'], publish: ['*'] };
  ticketLifeMs = 600_000;
  url = '';
  #turn = 0;
  #onRenewal: (() => void)[] = [];

  private constructor(redis: RedisServer) {
    this.#redis = redis;
    this.#discovery = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { status, answer } = this.#answer(request.url ?? '', body === '' ? {} : JSON.parse(body));
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
      });
    });
  }

  static async start(size: number): Promise<Cluster> {
    const cluster = new Cluster(await startRedis());
    for (let n = 1; n <= size; n++) await cluster.#add(`n${n}`);
    await new Promise<void>((resolve) => cluster.#discovery.listen(0, '127.0.0.1', resolve));
    cluster.url = `http://127.0.0.1:${(cluster.#discovery.address() as AddressInfo).port}`;
    return cluster;
  }

  async #add(id: string): Promise<void> {
    const namespaces = new Namespaces(NAMESPACES);
    const broker = createRedisBroker({ url: this.#redis.url, prefix: 'fanfare', namespaces, logger: silentLogger });
    const node = await startNode({ engine: 'ws', broker, namespaces: NAMESPACES, options: { id } });
    const link = new CuttableLink(Number(new URL(node.url).port));
    this.members.push({ id, node, link, url: await link.listen() });
  }

  member(id: string): Member {
    const found = this.members.find((member) => member.id === id);
    if (found === undefined) throw new Error(`no node ${id}`);
    return found;
  }

  /** As a backend does, over a link that is not cut. Returns the offset. */
  publish(channel: string, data: unknown): Promise<string> {
    const [first] = this.members;
    if (first === undefined) throw new Error('no node');
    return first.node.broker.publish({ channel, data: JSON.stringify(data) });
  }

  /** Resolves when someone renews a ticket. */
  renewal(): Promise<void> {
    return new Promise((resolve) => this.#onRenewal.push(resolve));
  }

  /** The data of all that a channel holds. */
  async log(channel: string): Promise<unknown[]> {
    const [first] = this.members;
    const page = await first?.node.broker.read(channel, '-1', { maxEntries: 2_000, maxBytes: 10_000_000 });
    return (page?.entries ?? []).map((entry) => JSON.parse(entry.data.toString()));
  }

  /** Takes a node away for good, without a word. */
  async kill(id: string): Promise<void> {
    const member = this.member(id);
    this.members.splice(this.members.indexOf(member), 1);
    await member.link.close();
    await member.node.close();
  }

  async close(): Promise<void> {
    this.#discovery.closeAllConnections();
    await new Promise((resolve) => this.#discovery.close(resolve));
    for (const { id } of [...this.members]) await this.kill(id);
    await this.#redis.stop();
  }

  #answer(path: string, body: { exclude?: string[]; transports?: string[] }): { status: number; answer: unknown } {
    const [any] = this.members;
    if (any === undefined) return { status: 503, answer: { code: 'no_capacity', status: 503 } };
    const ticket = any.node.ticket('u1', this.grants, this.ticketLifeMs);
    const expiresInMs = this.ticketLifeMs;
    if (path === '/v1/ticket') {
      for (const renewed of this.#onRenewal.splice(0)) renewed();
      return { status: 200, answer: { ticket, expiresInMs } };
    }
    const wanted = this.members.filter(({ id }) => !body.exclude?.includes(id));
    const choice = wanted.length > 0 ? wanted : this.members;
    const chosen = choice[this.#turn++ % choice.length] ?? any;
    const alternatives = this.members.filter((member) => member !== chosen).map(({ id, url }) => ({ id, url }));
    const node = { id: chosen.id, url: chosen.url };
    return { status: 200, answer: { node, alternatives, ticket, expiresInMs, transports: body.transports } };
  }
}
