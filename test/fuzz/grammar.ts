// Makes inputs that are nearly right, so that they get past the first look: commands, requests, envelopes, records, entries.

import type { Random } from '../support/random.js';
import { type Bytes, type End, type FrameInput, type Input, TOKEN } from './input.js';
import { mutated, segmented } from './mutate.js';

/** What a user of the fuzz may read and write; the canary is on another channel. */
export const CHANNELS = ['fuzz-a', 'fuzz-b', 'fuzz-c', 'fuzz-d'];
const ODD_NAMES = ['', 'a b', 'canary', '*', 'fuzz-*', '__proto__', 'x'.repeat(300), 'fuzz-\ud800', 'a:b', '{fuzz-a}'];
const OFFSETS = ['-1', 'now', '0', '0000000000000-0000000000000000', '9999999999999-9999999999999999', '-2', '1-1', ''];
const VALUES: readonly unknown[] = [
  ...[null, true, 0, -0, 1, -1, 1.5, 1e21, 25_000, 60_000, '', '25000', [], {}, [[]], { a: { b: {} } }],
  ...['x'.repeat(5_000), '\ud800', '\u2028', '\0', [1, 2, 3], { __proto__: null, constructor: 1 }],
];
const METHODS = ['POST', 'POST', 'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'post', 'BREW'];
const PATHS = ['poll', 'poll', 'stream', 'publish', 'publish', 'connect', 'ticket', 'ws', 'nodes', 'nodes/x/drain'];
const ODD_PATHS = [
  '/',
  '/livez',
  '/readyz',
  '/metrics',
  '/sdk.js',
  '/v1/poll/',
  '//v1/poll',
  '/v1/%70oll',
  '/../v1/poll',
  '/x?a=b',
];
const ENDS: readonly End[] = ['fin', 'fin', 'reset', 'stay'];
const DATA_OPCODES = [1, 1, 1, 1, 1, 1, 2, 0, 8, 9, 10, 3, 15];

/** One in so many is only damaged afterwards. */
const DAMAGED = 0.4;

/** A new input. */
export function inputOf(random: Random): Input {
  const dice = random.next();
  if (dice < 0.4) return requestInput(random);
  if (dice < 0.8) return socketInput(random);
  const make = random.pick([busInput, busInput, logInput, queueInput, registryInput, keyInput]);
  return make(random);
}

/** The same again, damaged. */
export function variantOf(random: Random, input: Input): Input {
  switch (input.road) {
    case 'tcp':
      return { ...input, segments: segmented(random, mutated(random, input.segments.join('')), 4) };
    case 'socket':
      return { ...input, frames: input.frames.map((one) => ({ ...one, payload: mutated(random, one.payload) })) };
    case 'bus':
      return { ...input, payload: mutated(random, input.payload) };
    default:
      return { ...input, fields: input.fields.map((one) => (random.chance(0.5) ? mutated(random, one) : one)) };
  }
}

function maybeDamaged(random: Random, bytes: Bytes): Bytes {
  return random.chance(DAMAGED) ? mutated(random, bytes) : bytes;
}

/** JSON as the bytes of its UTF-8. */
function bytesOf(value: unknown): Bytes {
  return Buffer.from(JSON.stringify(value) ?? '').toString('latin1');
}

function channel(random: Random): string {
  return random.chance(0.85) ? random.pick(CHANNELS) : random.pick(ODD_NAMES);
}

function positions(random: Random): object {
  const count = random.chance(0.05) ? 200 : random.below(4);
  const names = Array.from({ length: count }, (_, n) => (count > 4 ? `fuzz-${n}` : channel(random)));
  return Object.fromEntries(names.map((name) => [name, position(random)]));
}

function position(random: Random): unknown {
  if (random.chance(0.6)) return random.pick(OFFSETS);
  if (random.chance(0.5)) return { after: random.pick(OFFSETS), last: random.below(9) };
  return random.pick(VALUES);
}

/** An object with some of these fields, some of them wrong. */
function some(random: Random, fields: Readonly<Record<string, unknown>>): object {
  const kept = Object.entries(fields).filter(() => random.chance(0.9));
  const wrong = kept.map(([name, value]) => [name, random.chance(0.08) ? random.pick(VALUES) : value] as const);
  return Object.fromEntries(wrong);
}

const COMMANDS: readonly ((random: Random) => Readonly<Record<string, unknown>>)[] = [
  (random) => ({ type: 'subscribe', channels: positions(random) }),
  (random) => ({ type: 'unsubscribe', channels: [channel(random), channel(random)] }),
  (random) => ({ type: 'publish', channel: channel(random), data: random.pick(VALUES), key: random.pick(['k', 'l']) }),
  (random) => ({ type: 'publish', channel: channel(random), data: random.pick(VALUES) }),
  () => ({ type: 'ping' }),
  (random) => ({ type: 'quiet', heartbeatMs: random.pick([1_000, 60_000, 0, 1e9, null]) }),
  () => ({ type: 'refresh', token: TOKEN }),
  () => ({ type: 'connect', version: 1, token: TOKEN, features: ['ping', 'quiet', 'batch', 'positions', 'brief'] }),
  (random) => ({ type: random.pick(['presence', '', 'message', 'heartbeat', '__proto__']) }),
];

function frameInput(random: Random): FrameInput {
  const command = random.pick(COMMANDS)(random);
  const payload = maybeDamaged(random, bytesOf(some(random, { ...command, id: random.below(20) })));
  if (random.chance(0.8)) return { payload, opcode: 1, fin: true, rsv: 0, masked: true };
  return {
    ...{ payload, opcode: random.pick(DATA_OPCODES), fin: random.chance(0.7) },
    ...{ rsv: random.chance(0.1) ? 0x40 : 0, masked: random.chance(0.95) },
  };
}

function socketInput(random: Random): Input {
  const frames = Array.from({ length: 1 + random.below(8) }, () => frameInput(random));
  return { road: 'socket', connects: random.chance(0.85), frames, end: random.pick(ENDS) };
}

function bodyOf(random: Random, path: string): Bytes {
  const waitMs = random.pick([0, 0, 50, 1_000]);
  if (path.endsWith('publish'))
    return bytesOf(some(random, { channel: channel(random), data: random.pick(VALUES), key: 'k' }));
  if (path.endsWith('connect'))
    return bytesOf(some(random, { exclude: random.pick(VALUES), transports: ['websocket'] }));
  return bytesOf(some(random, { channels: positions(random), waitMs, features: ['positions', random.pick(VALUES)] }));
}

function framed(random: Random, body: Bytes): Bytes {
  if (random.chance(0.5)) {
    const length = random.chance(0.93) ? body.length : random.pick([0, body.length + 9, body.length - 1, -1, 1e15]);
    return `Content-Length: ${length}\r\n\r\n${body}`;
  }
  const chunks = segmented(random, body, 4).filter((chunk) => chunk !== '');
  const extension = random.chance(0.1) ? ';a=b' : '';
  const trailer = random.chance(0.1) ? 'X-Trailer: 1\r\n' : '';
  const text = chunks.map((chunk) => `${chunk.length.toString(16)}${extension}\r\n${chunk}\r\n`).join('');
  return `Transfer-Encoding: chunked\r\n\r\n${text}0\r\n${trailer}\r\n`;
}

function requestInput(random: Random): Input {
  const requests = random.chance(0.15) ? 2 + random.below(3) : 1;
  const text = Array.from({ length: requests }, () => request(random)).join('');
  return { road: 'tcp', segments: segmented(random, maybeDamaged(random, text), 4), end: random.pick(ENDS) };
}

function request(random: Random): Bytes {
  const path = random.chance(0.9) ? `/v1/${random.pick(PATHS)}` : random.pick(ODD_PATHS);
  const lines = [`${random.pick(METHODS)} ${path} HTTP/1.1`, 'Host: localhost'];
  if (random.chance(0.8)) lines.push(`Authorization: Bearer ${TOKEN}`);
  if (random.chance(0.85)) lines.push('Content-Type: application/json');
  if (random.chance(0.1))
    lines.push(`Origin: ${random.pick(['https://evil.example', 'null', 'https://app.example.com'])}`);
  if (random.chance(0.05)) lines.push('Connection: Upgrade', `Upgrade: ${random.pick(['websocket', 'h2c'])}`);
  if (random.chance(0.05)) lines.push(`X-Long: ${'h'.repeat(random.below(20_000))}`);
  return `${lines.join('\r\n')}\r\n${framed(random, bodyOf(random, path))}`;
}

function offset(random: Random): string {
  const digits = (count: number) => Array.from({ length: count }, () => random.below(10)).join('');
  return random.chance(0.8) ? `${digits(13)}-${digits(16)}` : random.pick(OFFSETS);
}

function busInput(random: Random): Input {
  const data = bytesOf(random.pick(VALUES));
  const sender = random.chance(0.4) ? ' {"connection":"c","user":"admin"}' : '';
  const envelope = `\x01${random.chance(0.9) ? '1' : '2'}${offset(random)}${offset(random)}${sender}\n${data}`;
  const payload = maybeDamaged(random, random.chance(0.7) ? envelope : data);
  return { road: 'bus', channel: random.pick(CHANNELS), live: random.chance(0.5), payload };
}

function logInput(random: Random): Input {
  const fields = ['d', bytesOf(random.pick(VALUES)), 'p', offset(random), 'u', '{"user":"admin"}'].slice(
    0,
    2 * (1 + random.below(3)),
  );
  return { road: 'log', name: random.pick(CHANNELS), fields: fields.map((one) => maybeDamaged(random, one)) };
}

function queueInput(random: Random): Input {
  const fields = ['channel', channel(random), 'data', bytesOf(random.pick(VALUES)), 'key', random.pick(['k', '', ' '])];
  return { road: 'queue', name: '', fields: fields.map((one) => (random.chance(0.15) ? mutated(random, one) : one)) };
}

function registryInput(random: Random): Input {
  const record = {
    ...{ v: 1, url: 'http://evil.example', connections: 0, capacity: 1e9, rate: 1e9, state: 'ready', claims: {} },
    ...{ incarnation: 'x', reportedAt: 4e12, proof: random.pick(VALUES), features: random.pick(VALUES) },
  };
  return {
    road: 'registry',
    name: `stranger-${random.below(5)}`,
    fields: [maybeDamaged(random, bytesOf(some(random, record)))],
  };
}

/** Of the cluster and of the queue: what nodes mend by themselves. */
const MENDED = [
  ...['nodes', 'held', 'pace', 'reservations', 'state', 'lapses'].map((name) => `{!cluster}:${name}`),
  'ingest:lease',
];

function keyInput(random: Random): Input {
  const field = random.pick(['stranger-1', 'newest', 'before', 'resumed', '']);
  const value = random.pick(['', 'x', '-1', '1e300', 'nan', '9007199254740993', '1 2 3', '{}']);
  const kind = random.pick(['string', 'list', 'hash', 'hash', 'zset'] as const);
  const fields = [maybeDamaged(random, field), maybeDamaged(random, value)];
  return { road: 'key', name: random.pick(MENDED), kind, fields };
}
