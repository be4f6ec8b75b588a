// The bare thing that the budgets are ratios of: an ioredis subscriber whose payloads go straight to uWebSockets.js, nothing else.
// This folder is the one place outside src/broker and src/node/engines that imports ioredis and uWebSockets.js.

import uWS from 'uWebSockets.js';
import { Redis } from 'ioredis';
import { PATHS } from '../../src/protocol/index.js';

/** What the publish function puts before the data: see docs/PROTOCOL.md, "bytes in Redis". */
const ENVELOPE = 1;
const ENVELOPE_BYTES = 63;
const SUBSCRIBED = '{"type":"subscribed"}';

const redis = new Redis(process.env.BARE_REDIS_URL ?? 'redis://127.0.0.1:6379');
const app = uWS.App();
let waiting: uWS.HttpResponse[] = [];

redis.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
  // Of a logged message only the data, as a loop of one's own would send it.
  app.publish(channel, payload[0] === ENVELOPE ? payload.subarray(ENVELOPE_BYTES) : payload, false);
  if (waiting.length > 0) answerAll(payload);
});

app.ws(PATHS.websocket, {
  maxBackpressure: 16 * 1024 * 1024,
  idleTimeout: 0,
  message(socket, frame) {
    const topic = Buffer.from(frame).toString();
    socket.subscribe(topic);
    redis.subscribe(topic).then(
      () => socket.send(SUBSCRIBED),
      () => process.exit(1),
    );
  },
});

/** A bare long poll: takes in the request, holds the answer until the next payload. */
app.post(PATHS.poll, (res) => {
  let gone = false;
  res.onAborted(() => {
    gone = true;
    waiting = waiting.filter((other) => other !== res);
  });
  res.onData((_chunk, isLast) => {
    if (isLast && !gone) waiting.push(res);
  });
});

function answerAll(payload: Buffer): void {
  const responses = waiting;
  waiting = [];
  for (const res of responses) res.cork(() => res.end(payload));
}

await redis.subscribe('poll');
app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) process.exit(1);
  const url = `http://127.0.0.1:${uWS.us_socket_local_port(socket)}`;
  process.stdout.write(`${JSON.stringify({ ready: true, role: 'bare', url, pid: process.pid })}\n`);
});
