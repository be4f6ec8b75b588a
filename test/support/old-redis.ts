// Something that says it is an old Redis: enough of RESP to be asked what it is.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { privateHost } from './redis.js';

export interface OldRedis {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers INFO with this version, and everything else with OK. */
export async function startOldRedis(version: string): Promise<OldRedis> {
  const host = privateHost();
  const info = `# Server\r\nredis_version:${version}\r\nrole:master\r\nloading:0\r\n`;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      // Each command is an array of bulk strings, and no argument here looks like the head of one.
      for (const [, name = ''] of String(chunk).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        socket.write(name.toLowerCase() === 'info' ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
      }
    });
  }).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://${host}:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
