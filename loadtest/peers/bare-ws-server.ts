// The bare loop on ws: an ioredis subscriber whose payloads are sent to each link of the channel, nothing else.

import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';

const SUBSCRIBED = '{"type":"subscribed"}';

const redis = new Redis(process.env.PEER_REDIS_URL ?? 'redis://127.0.0.1:6379');
const links = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 4096 });

redis.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
  for (const link of links.get(channel.toString()) ?? []) link.send(payload, { binary: false });
});

server.on('connection', (link) => {
  link.on('message', (frame) => {
    const channel = String(frame);
    const all = links.get(channel) ?? new Set();
    links.set(channel, all.add(link));
    link.once('close', () => all.delete(link));
    redis.subscribe(channel).then(
      () => link.send(SUBSCRIBED),
      () => process.exit(1),
    );
  });
});

server.once('listening', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, role: 'bare-ws', url: `http://127.0.0.1:${port}` })}\n`);
});
