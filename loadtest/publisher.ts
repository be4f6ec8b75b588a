// Publishes through one raw socket: pipelined RESP to Redis, or one HTTP request after the other to a server that has no Redis.

import { connect, type Socket } from 'node:net';
import { PATHS } from '../src/protocol/index.js';
import { postRequest, scanAnswer } from './clients/http.js';

/** Says how one message is published, as bytes to send. */
export type Encode = (channel: string, payload: string) => Buffer;

/** At most once: `PUBLISH fanfare:{news} …`. */
export const encodeLive: Encode = (channel, payload) => resp('PUBLISH', `fanfare:{${channel}}`, payload);
/** Logged: `FCALL fanfare_publish 1 news …`. */
export const encodeLogged: Encode = (channel, payload) => resp('FCALL', 'fanfare_publish', '1', channel, payload);

/** At most once, as a backend publishes it: `PUBLISH fanfare:{news}:live …`. */
export const encodePublish: Encode = (channel, payload) => resp('PUBLISH', `fanfare:{${channel}}:live`, payload);
/** Logged, with the keys that a Redis Cluster wants to be named. */
export const encodeOnCluster: Encode = (channel, payload) =>
  resp('FCALL', 'fanfare_publish', '2', logKeyOf(channel), `fanfare:{${channel}}:tail`, payload);
/** The first key of {@link encodeOnCluster}. */
export function logKeyOf(channel: string): string {
  return `fanfare:{${channel}}:log`;
}
/** Into the queue, from which a node publishes it: `XADD fanfare:ingest …`. */
export const encodeQueued: Encode = (channel, payload) =>
  resp('XADD', 'fanfare:ingest', '*', 'channel', channel, 'data', payload);

export interface Publisher {
  /** Sends `messages` publications, already encoded. */
  send(bytes: Buffer, messages: number): void;
  /** Resolves when everything sent was acknowledged. Rejects when something was refused. */
  settled(): Promise<void>;
  close(): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export function connectToRedis(address: Address): Promise<Publisher> {
  return openPublisher(address, countReplies);
}

export async function connectToServer(address: Address): Promise<Publisher> {
  return oneByOne(await openPublisher(address, countAnswers));
}

/** The same with one request for all that is sent at a time, of what {@link encodeItem} encodes. */
export async function connectInBatches(address: Address, key: string): Promise<Publisher> {
  const publisher = await connectToServer(address);
  return {
    ...publisher,
    send: (bytes) => {
      const items = bytes.toString('utf8', 0, bytes.length - 1); // but the last comma
      publisher.send(postRequest({ ...address, token: key }, PATHS.publish, `{"messages":[${items}]}`), 1);
    },
  };
}

/** One of several messages of a request. */
export const encodeItem: Encode = (channel, payload) => Buffer.from(`{"channel":"${channel}","data":${payload}},`);

/** To a server of HTTP that takes requests before it has answered those before. */
export function connectPipelined(address: Address): Promise<Publisher> {
  return openPublisher(address, countAnswers);
}

/**
 * To a NATS server. What is sent at a time is acknowledged by one PONG: a server that answers each message by itself is asked for more than
 * its users ask of it.
 */
export async function connectToNats(address: Address): Promise<Publisher> {
  const publisher = await openPublisher(address, countPongs);
  publisher.send(Buffer.from('CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n'), 1);
  await publisher.settled();
  return { ...publisher, send: (bytes) => publisher.send(Buffer.concat([bytes, PING]), 1) };
}

const PING = Buffer.from('PING\r\n');

/** Encodes for {@link connectToNats}. */
export const encodeNats: Encode = (channel, payload) =>
  Buffer.from(`PUB ${channel} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);

/** A server need not take a request before it has answered the one before. */
function oneByOne(publisher: Publisher): Publisher {
  const waiting: Buffer[] = [];
  let sending: Promise<void> | undefined;
  const sendAll = async (): Promise<void> => {
    for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
      publisher.send(request, 1);
      await publisher.settled();
    }
    sending = undefined;
  };
  return {
    ...publisher,
    send: (bytes) => {
      waiting.push(...requestsIn(bytes));
      if (sending !== undefined) return;
      sending = sendAll();
      // Told to whoever waits.
      sending.catch(() => undefined);
    },
    settled: () => sending ?? Promise.resolve(),
  };
}

function requestsIn(bytes: Buffer): readonly Buffer[] {
  const requests: Buffer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const end = scanAnswer(rest)?.end ?? rest.length;
    requests.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return requests;
}

/** Encodes for {@link connectToServer}. */
export function httpEncoder(address: Address, key: string): Encode {
  return (channel, payload) =>
    postRequest({ ...address, token: key }, PATHS.publish, `{"channel":"${channel}","data":${payload}}`);
}

/** Looks at answers: how many there are, and how many bytes they took. */
type CountAnswers = (bytes: Buffer) => { readonly count: number; readonly used: number };

async function openPublisher(address: Address, countIn: CountAnswers): Promise<Publisher> {
  const socket = await opened(address);
  let outstanding = 0;
  let failure: Error | undefined;
  let rest: Buffer = Buffer.alloc(0);
  let wake: (() => void) | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    wake?.();
  };
  socket.on('error', fail);
  socket.once('close', () => fail(new Error('the publishing link was closed')));
  socket.on('data', (chunk: Buffer) => {
    const bytes = Buffer.concat([rest, chunk]);
    try {
      const { count, used } = countIn(bytes);
      rest = bytes.subarray(used);
      outstanding -= count;
      if (outstanding === 0) wake?.();
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
  return {
    send: (bytes, messages) => {
      outstanding += messages;
      socket.write(bytes);
    },
    settled: async () => {
      if (outstanding > 0 && failure === undefined) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      if (failure !== undefined) throw failure;
    },
    close: () => {
      socket.removeAllListeners('close');
      socket.destroy();
    },
  };
}

function opened(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** A command of Redis. */
export function resp(...words: readonly (string | Buffer)[]): Buffer {
  const encoded = words.map((word) => [`$${Buffer.byteLength(word)}\r\n`, word, '\r\n']);
  return Buffer.concat([`*${words.length}\r\n`, ...encoded.flat()].map((part) => Buffer.from(part)));
}

/**
 * Redis answers with an integer or with a bulk string, which takes two lines and never begins with `$`, `:` or `-`. One of several messages that is
 * refused has a text for an answer that begins with a capital letter.
 */
function countReplies(bytes: Buffer): { count: number; used: number } {
  let count = 0;
  let used = 0;
  for (let end = bytes.indexOf('\r\n'); end >= 0; end = bytes.indexOf('\r\n', used)) {
    const first = bytes[used];
    const isWord = first !== undefined && first >= 0x41 && first <= 0x5a;
    if (first === 0x2d || isWord) throw new Error(`Redis refused: ${bytes.toString('utf8', used, end)}`);
    if (first === 0x3a || first === 0x24) count += 1;
    used = end + 2;
  }
  return { count, used };
}

function countAnswers(bytes: Buffer): { count: number; used: number } {
  let count = 0;
  let used = 0;
  for (let answer = scanAnswer(bytes); answer !== undefined; answer = scanAnswer(bytes.subarray(used))) {
    if (answer.status < 200 || answer.status > 202)
      throw new Error(`publish answered: ${bytes.toString('utf8', used, used + 400)}`);
    count += 1;
    used += answer.end;
  }
  return { count, used };
}

/** NATS says `INFO {…}` first, then a line for each thing that it answers; what is wrong begins with `-ERR`. */
function countPongs(bytes: Buffer): { count: number; used: number } {
  let count = 0;
  let used = 0;
  for (let end = bytes.indexOf('\r\n'); end >= 0; end = bytes.indexOf('\r\n', used)) {
    const line = bytes.toString('latin1', used, end);
    if (line.startsWith('-ERR')) throw new Error(`NATS refused: ${line}`);
    if (line === 'PONG') count += 1;
    used = end + 2;
  }
  return { count, used };
}
