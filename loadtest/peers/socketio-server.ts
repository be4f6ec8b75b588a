// Socket.IO with its Redis adapter: a client joins the room that it names, and a backend's emitter sends to rooms.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const redis = new Redis(process.env.PEER_REDIS_URL ?? 'redis://127.0.0.1:6379');
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis, redis.duplicate()),
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  pingInterval: 60_000,
});

io.on('connection', (socket) => {
  socket.on('join', (room: string) => {
    socket.join(room);
    socket.emit('joined');
  });
});

http.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const { port } = http.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, role: 'socketio', url: `http://127.0.0.1:${port}` })}\n`);
});
