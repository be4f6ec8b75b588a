// A TCP proxy in front of Redis that can keep from subscribers what they should hear, while their connections stay open.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { privateHost, type RedisServer } from './redis.js';
import { ReplyCutter } from './redis-replies.js';

export interface DeafProxy {
  readonly url: string;
  /** Connections made so far that have subscribed to something. */
  readonly subscribers: number;
  /** From now on nothing reaches the subscribers that are connected now. */
  silence(): void;
  /** From now on no subscriber, not even a new one, gets messages; answers still pass. Until `hear`. */
  withhold(): void;
  hear(): void;
  close(): Promise<void>;
}

interface Link {
  readonly sockets: readonly Socket[];
  isSubscriber: boolean;
  silent: boolean;
}

/** With a channel: which commands there are is asked by sending them without arguments. */
const SUBSCRIBES = /(^|\r\n)\*[2-9]\d*\r\n\$9\r\nsubscribe\r\n/i;
const isMessage = (reply: Buffer) => /^[*>]3\r\n\$7\r\nmessage\r\n/.test(reply.toString('latin1', 0, 24));

export async function startDeafProxy(redis: RedisServer): Promise<DeafProxy> {
  const links: Link[] = [];
  let withheld = false;
  const server = createServer((client) => {
    const upstream = connect(redis.port, redis.host);
    const link: Link = { sockets: [client, upstream], isSubscriber: false, silent: false };
    const replies = new ReplyCutter();
    links.push(link);
    client.on('data', (chunk) => {
      link.isSubscriber ||= SUBSCRIBES.test(chunk.toString('latin1'));
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      // One by one: an answer and a message often come in one piece.
      for (const reply of replies.take(chunk)) {
        if (!link.silent && !(withheld && isMessage(reply))) client.write(reply);
      }
    });
    for (const socket of link.sockets) {
      socket.on('error', () => {});
      socket.on('close', () => end(link));
    }
  });
  const end = (link: Link) => {
    for (const socket of link.sockets) socket.destroy();
  };
  const host = privateHost();
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `redis://${host}:${address.port}`,
    get subscribers() {
      return links.filter(({ isSubscriber }) => isSubscriber).length;
    },
    silence() {
      for (const link of links) link.silent = link.isSubscriber;
    },
    withhold() {
      withheld = true;
    },
    hear() {
      withheld = false;
    },
    async close() {
      for (const link of links) end(link);
      server.close();
      await once(server, 'close');
    },
  };
}
