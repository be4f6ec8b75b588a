// A TCP proxy that does to its links what networks do: resets, black holes, delay, little bandwidth, an end in mid-frame.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

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

/** Listens on `host`, on a port of its own unless one is given. */
export async function startFaultProxy(host: string, target: { host: string; port: number }): Promise<FaultProxy> {
  const links = new Set<Link>();
  let slowed = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
  let refusing = false;
  let held: { readonly until: Promise<void>; readonly release: () => void } | undefined;

  const reset = (link: Link) => {
    links.delete(link);
    // Node 20 loses a socket that is reset while its end is on the way: its descriptor stays, and the process never ends.
    for (const socket of link.sockets) socket.writableEnded ? socket.destroy() : socket.resetAndDestroy();
  };
  const resetAll = () => {
    const { size } = links;
    for (const link of links) reset(link);
    return size;
  };

  /** One direction of a link, one chunk at a time: a reader that does not keep up holds the sender back. */
  const pump = async (link: Link, from: Socket, to: Socket) => {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      const { delayMs, bytesPerSecond } = slowed;
      const ms = delayMs + (1_000 * chunk.length) / bytesPerSecond;
      if (ms > 0) await pause(ms, link);
      if (held !== undefined) await held.until;
      if (link.dead) await new Promise(() => {});
      const passing = chunk.subarray(0, link.left);
      link.left -= passing.length;
      if (!to.write(passing)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      if (link.left <= 0) return reset(link);
    }
    to.end();
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (refusing) return void client.resetAndDestroy();
    const upstream = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    const link: Link = { sockets: [client, upstream], dead: false, left: Number.POSITIVE_INFINITY };
    links.add(link);
    for (const socket of link.sockets) {
      socket.setNoDelay(true);
      socket.on('error', () => reset(link));
      socket.on('close', () => {
        if (client.destroyed && upstream.destroyed) links.delete(link);
      });
    }
    // A socket that is destroyed under its reader ends the loop with an error, which is the end of the link.
    pump(link, client, upstream).catch(() => reset(link));
    pump(link, upstream, client).catch(() => reset(link));
  });
  server.listen(0, host);
  await once(server, 'listening');
  const heal = () => {
    slowed = { delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
    refusing = false;
    held?.release();
    held = undefined;
  };

  return {
    host,
    port: (server.address() as AddressInfo).port,
    get links() {
      return links.size;
    },
    cut: resetAll,
    cutAfter(bytes) {
      for (const link of links) link.left = bytes;
      return links.size;
    },
    hold() {
      held ??= gate();
    },
    blackHole() {
      for (const link of links) link.dead = true;
      return links.size;
    },
    slow(delayMs, bytesPerSecond) {
      slowed = { delayMs, bytesPerSecond };
    },
    refuse() {
      refusing = true;
      return resetAll();
    },
    heal,
    async close() {
      heal();
      resetAll();
      server.close();
      await once(server, 'close');
    },
  };
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
