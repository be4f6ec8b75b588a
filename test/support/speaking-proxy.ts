// A TCP proxy in front of Redis that says to its clients what Redis has not said.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { privateHost } from './redis.js';

export interface SpeakingProxy {
  readonly host: string;
  readonly port: number;
  /** The connections that stand. */
  readonly clients: ReadonlySet<Socket>;
  /** To each connection that stands. */
  say(bytes: string): void;
  close(): Promise<void>;
}

export async function startSpeakingProxy(behind: { host: string; port: number }): Promise<SpeakingProxy> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(behind.port, behind.host);
    clients.add(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => {
        clients.delete(client);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  const host = privateHost();
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host,
    port: address.port,
    clients,
    say: (bytes) => {
      for (const client of clients) client.write(bytes);
    },
    close: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
