// A TCP proxy that does to its links what networks do: resets, black holes, delay, little bandwidth, an end in mid-frame.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** Links that are open now. */
  readonly links: number;
  /** Resets every link; new ones get through. Answers how many there were. */
  cut(): number;
  /** Each link passes so many bytes more, then is reset in the middle of whatever it carries. */
  cutAfter(bytes: number): number;
  /** Nothing passes in either direction while the links stay open, those that are opened meanwhile too. */
  hold(): void;
  /** The links that are open now pass nothing ever again, without a word; new ones get through. */
  blackHole(): number;
  /** What passes is delayed, and no more than so many bytes a second of each link pass. */
  slow(delayMs: number, bytesPerSecond: number): void;
  /** No link gets through: those that are open are reset, new ones too. */
  refuse(): number;
  /** Ends what `hold`, `slow` and `refuse` began. */
  heal(): void;
  close(): Promise<void>;
}

interface Link {
  readonly sockets: readonly [Socket, Socket];
  dead: boolean;
  /** Bytes that may still pass. */
  left: number;
}

/** Listens on `host`, on a port of its own. */
export async function startFaultProxy(host: string, target: { host: string; port: number }): Promise<FaultProxy> {
  const proxy = new Proxied(host, target);
  await proxy.listen();
  return proxy;
}

const UNSLOWED = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };

class Proxied implements FaultProxy {
  readonly host: string;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #slowed = UNSLOWED;
  #refusing = false;
  #held: { readonly until: Promise<void>; readonly release: () => void } | undefined;

  constructor(host: string, target: { host: string; port: number }) {
    this.host = host;
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      if (this.#refusing) return void client.resetAndDestroy();
      this.#open(client, connect({ host: target.host, port: target.port, allowHalfOpen: true }));
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, this.host);
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get links(): number {
    return this.#links.size;
  }

  cut(): number {
    const { size } = this.#links;
    for (const link of this.#links) this.#reset(link);
    return size;
  }

  cutAfter(bytes: number): number {
    for (const link of this.#links) link.left = bytes;
    return this.#links.size;
  }

  hold(): void {
    this.#held ??= gate();
  }

  blackHole(): number {
    for (const link of this.#links) link.dead = true;
    return this.#links.size;
  }

  slow(delayMs: number, bytesPerSecond: number): void {
    this.#slowed = { delayMs, bytesPerSecond };
  }

  refuse(): number {
    this.#refusing = true;
    return this.cut();
  }

  heal(): void {
    this.#slowed = UNSLOWED;
    this.#refusing = false;
    this.#held?.release();
    this.#held = undefined;
  }

  async close(): Promise<void> {
    this.heal();
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #open(client: Socket, upstream: Socket): void {
    const link: Link = { sockets: [client, upstream], dead: false, left: Number.POSITIVE_INFINITY };
    this.#links.add(link);
    for (const socket of link.sockets) {
      socket.setNoDelay(true);
      socket.on('error', () => this.#reset(link));
      socket.on('close', () => {
        if (client.destroyed && upstream.destroyed) this.#links.delete(link);
      });
    }
    // A socket that is destroyed under its reader ends the loop with an error, which is the end of the link.
    this.#pump(link, client, upstream).catch(() => this.#reset(link));
    this.#pump(link, upstream, client).catch(() => this.#reset(link));
  }

  #reset(link: Link): void {
    this.#links.delete(link);
    // Node 20 loses a socket that is reset while its end is on the way: its descriptor stays, and the process never ends.
    for (const socket of link.sockets) socket.writableEnded ? socket.destroy() : socket.resetAndDestroy();
  }

  /** One direction of a link, one chunk at a time: a reader that does not keep up holds the sender back. */
  async #pump(link: Link, from: Socket, to: Socket): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      const { delayMs, bytesPerSecond } = this.#slowed;
      const ms = delayMs + (1_000 * chunk.length) / bytesPerSecond;
      if (ms > 0) await pause(ms, link);
      if (this.#held !== undefined) await this.#held.until;
      if (link.dead) await new Promise(() => {});
      const passing = chunk.subarray(0, link.left);
      link.left -= passing.length;
      if (!to.write(passing)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      if (link.left <= 0) return this.#reset(link);
    }
    to.end();
  }
}

function gate() {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release };
}

/** Ends early when the link does. */
function pause(ms: number, { sockets }: Link): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      sockets[0].off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    sockets[0].once('close', done);
  });
}
