// The server in memory that applications test with, spoken to without a client, word by word.

import { afterEach, beforeEach, expect } from 'vitest';
import { createTestServer, type TestServer, type TestServerOptions } from '../../../../client-sdk/testing/index.js';
import type { Fetch, ResponseLike, WebSocketConstructor } from '../../../../client-sdk/types.js';
import { FakeClock } from './fake-clock.js';

type Told = { readonly type: string } & Record<string, unknown>;

export let clock: FakeClock;
export let server: TestServer;

/** Each test has a server of its own, which leaves no timer. */
export function beginsAnew() {
  beforeEach(() => {
    clock = new FakeClock();
    start({ user: 'anna' });
  });
  afterEach(async () => {
    server.cut();
    await clock.advance(100);
    expect(clock.pending).toBe(0);
  });
}

export function start(options: TestServerOptions): void {
  server = createTestServer({ clock, ...options });
}

export const settle = () => clock.advance(0);

/** Asks a node, or discovery. */
export function post(
  path: string,
  body?: object,
  signal = new AbortController().signal,
  fetch = server.options.fetch as Fetch,
): Promise<ResponseLike> {
  const init = { method: 'POST', headers: {}, signal, ...(body && { body: JSON.stringify(body) }) };
  return fetch(`http://n1.test/v1/${path}`, init);
}

/** Opens a socket; what it is told comes to be in the list. */
export function dial(Socket = server.options.WebSocket as WebSocketConstructor) {
  const socket = new Socket('ws://n1.test/v1/ws');
  const told: Told[] = [];
  const ends: unknown[] = [];
  let opened = 0;
  socket.onopen = () => void opened++;
  socket.onmessage = ({ data }: { data: string }) => void told.push(JSON.parse(data));
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => void ends.push([code, reason]);
  const send = (command: object) => socket.send(JSON.stringify(command));
  return { socket, told, ends, send, opened: () => opened };
}

/** Reads a stream, event by event. */
export function reader(response: ResponseLike) {
  const { read } = (response.body as ReadableStream<Uint8Array>).getReader();
  return async (): Promise<unknown> => {
    const { done, value } = await read();
    return done ? 'the end' : JSON.parse(new TextDecoder().decode(value).replace(/^data: /, ''));
  };
}
