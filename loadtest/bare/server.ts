// The bare thing that the budgets are ratios of: an ioredis subscriber whose payloads go straight to uWebSockets.js, nothing else.
// This folder is the one place outside src/broker and src/node/engines that imports ioredis and uWebSockets.js.

import uWS from 'uWebSockets.js';
import { Redis } from 'ioredis';
import { LIMITS, OFFSET_LENGTH, PATHS } from '../../src/protocol/index.js';

/** What the publish function puts before the data: see docs/PROTOCOL.md, "bytes in Redis". */
const ENVELOPE = 1;
const ENVELOPE_BYTES = 63;
const SUBSCRIBED = '{"type":"subscribed"}';
const HEARTBEAT = Buffer.from('{"type":"heartbeat"}');
/** Links have their heartbeats in so many parts, one after the other. */
const PARTS = 140;
/** As often as a node, a ping goes with the heartbeat. */
const PING_EACH = 3;

const joins = process.env.BARE_DOES === 'joins';
const exchanges = process.env.BARE_DOES === 'exchanges';
const redis = new Redis(process.env.BARE_REDIS_URL ?? 'redis://127.0.0.1:6379');
const app = uWS.App();

redis.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
  // Of a logged message only the data, as a loop of one's own would send it.
  const data = payload[0] === ENVELOPE ? payload.subarray(ENVELOPE_BYTES) : payload;
  if (joins) join(channel.toString(), data);
  else app.publish(channel, data, false);
  if (polled.size > 0) toPolls(channel.toString(), data);
});

/** By channel: what came in this tick. */
const joined = new Map<string, Buffer[]>();
const [OPENING, COMMA, CLOSING] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')] as const;

/** Of several messages that are read at once one frame is made, as a loop of one's own would that sends a JSON array. */
function join(channel: string, data: Buffer): void {
  if (joined.size === 0) setImmediate(sendJoined);
  const waiting = joined.get(channel);
  if (waiting === undefined) joined.set(channel, [data]);
  else waiting.push(data);
}

function sendJoined(): void {
  for (const [channel, all] of joined) {
    const parts = all.flatMap((data, at) => (at === 0 ? [data] : [COMMA, data]));
    app.publish(channel, all.length === 1 ? (all[0] ?? COMMA) : Buffer.concat([OPENING, ...parts, CLOSING]), false);
  }
  joined.clear();
}

/** The least that a connection takes on which anything is said: one JSON text is read, and one is answered. */
function exchange(socket: uWS.WebSocket<Linked>, frame: ArrayBuffer): void {
  const { channel } = JSON.parse(Buffer.from(frame).toString()) as { channel?: unknown };
  socket.send(JSON.stringify({ type: 'subscribed', channel }));
}

interface Linked {
  part?: Set<uWS.WebSocket<Linked>>;
}

app.ws<Linked>(PATHS.websocket, {
  ...(process.env.BARE_DOES === 'heartbeats' ? beating() : {}),
  maxBackpressure: 16 * 1024 * 1024,
  idleTimeout: 0,
  message(socket, frame) {
    if (exchanges) return exchange(socket, frame);
    const topic = Buffer.from(frame).toString();
    socket.subscribe(topic);
    redis.subscribe(topic).then(
      () => socket.send(SUBSCRIBED),
      () => process.exit(1),
    );
  },
});

/** Keeps who is open, and sends each a heartbeat and a ping as often as a node does; only where that is what is measured. */
function beating(): uWS.WebSocketBehavior<Linked> {
  const parts = Array.from({ length: PARTS }, () => new Set<uWS.WebSocket<Linked>>());
  let opened = 0;
  let turn = 0;
  const beat = (socket: uWS.WebSocket<Linked>): void => void socket.send(HEARTBEAT, false);
  const beatAndPing = (socket: uWS.WebSocket<Linked>): void => {
    socket.cork(() => {
      socket.send(HEARTBEAT, false);
      socket.ping();
    });
  };
  setInterval(() => {
    turn += 1;
    const part = parts[turn % PARTS] ?? [];
    for (const socket of part) (Math.floor(turn / PARTS) % PING_EACH === 0 ? beatAndPing : beat)(socket);
  }, LIMITS.heartbeatMs / PARTS);
  return {
    pong() {},
    upgrade(res, req, context) {
      const header = (name: string) => req.getHeader(name);
      res.upgrade({}, header('sec-websocket-key'), header('sec-websocket-protocol'), '', context);
    },
    open(socket) {
      opened += 1;
      const part = parts[opened % PARTS];
      if (part === undefined) return;
      part.add(socket);
      socket.getUserData().part = part;
    },
    close: (socket) => void socket.getUserData().part?.delete(socket),
  };
}

/** One channel of the bare long poll: who waits, and the answers to those who are behind. */
interface Polled {
  /** Messages so far. */
  count: number;
  waiting: Set<uWS.HttpResponse>;
  /** The last of them as JSON, oldest first. */
  readonly last: string[];
}

/** Chosen: at 10 messages a second, over a second for a client to ask again. */
const KEPT = 16;
const ASKED = /"channels":\{"([^"]+)":"([^"]*)"/;
const polled = new Map<string, Polled>();

/** A bare long poll: one regular expression over the body; who is behind is answered at once, who is not waits for the next message. */
app.post(PATHS.poll, (res) => {
  let gone = false;
  let body = '';
  let at: Polled | undefined;
  res.onAborted(() => {
    gone = true;
    at?.waiting.delete(res);
  });
  res.onData((chunk, isLast) => {
    body += Buffer.from(chunk).toString('latin1');
    if (!isLast || gone) return;
    const [, channel = '', after = ''] = ASKED.exec(body) ?? [];
    at = polled.get(channel) ?? openPolled(channel);
    const behind = after === 'now' ? 0 : at.count - Number(after);
    if (after === 'now' || behind > 0) answer(res, answerOf(channel, at, behind));
    else at.waiting.add(res);
  });
});

function openPolled(channel: string): Polled {
  const opened = { count: 0, waiting: new Set<uWS.HttpResponse>(), last: [] };
  polled.set(channel, opened);
  redis.subscribe(channel).catch(() => process.exit(1));
  return opened;
}

function toPolls(channel: string, data: Buffer): void {
  const at = polled.get(channel);
  if (at === undefined) return;
  at.count += 1;
  at.last.push(`{"offset":"${offset(at.count)}","data":${data.toString()}}`);
  if (at.last.length > KEPT) at.last.shift();
  const text = answerOf(channel, at, 1);
  const { waiting } = at;
  at.waiting = new Set();
  for (const res of waiting) answer(res, text);
}

function answerOf(channel: string, at: Polled, behind: number): string {
  const messages = behind === 0 ? '' : at.last.slice(-behind).join(',');
  return `{"channels":{"${channel}":{"messages":[${messages}],"offset":"${offset(at.count)}"}}}`;
}

function offset(count: number): string {
  return String(count).padStart(OFFSET_LENGTH, '0');
}

function answer(res: uWS.HttpResponse, text: string): void {
  res.cork(() => {
    res.writeHeader('Content-Type', 'application/json');
    res.end(text);
  });
}

app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) process.exit(1);
  const url = `http://127.0.0.1:${uWS.us_socket_local_port(socket)}`;
  process.stdout.write(`${JSON.stringify({ ready: true, role: 'bare', url, pid: process.pid })}\n`);
});
