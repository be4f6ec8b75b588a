// How one client that means harm sends: requests, sockets, and bytes whose answers it never reads.

import { connect } from 'node:net';
import { WebSocket } from 'ws';

export interface Victim {
  readonly url: string;
  readonly ticket: string;
  /** The user's token that the ticket was given for. */
  readonly token: string;
  /** Channels with a large history, which the ticket may read. */
  readonly big: readonly string[];
}

const PATIENCE_MS = 5_000;

/** The text of the answer, empty where there is none. Never rejects. */
export async function post({ url, ticket }: Victim, path: string, body: string): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const headers = { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' };
  try {
    return await (await fetch(url + path, { method: 'POST', headers, body, signal })).text();
  } catch {
    return '';
  }
}

/** What an answer holds, `undefined` where it is no JSON. */
export function bodyOf<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** Opens a socket that is connected with the ticket, has it do something, and ends it a while later. */
export function socketThat(
  victim: Victim,
  act: (socket: WebSocket, send: (command: object) => void) => unknown,
  forMs = 500,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${victim.url.replace('http', 'ws')}/v1/ws`);
    let id = 0;
    const send = (command: object) =>
      socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ id: ++id, ...command }));
    const timer = setTimeout(() => socket.terminate(), forMs);
    socket.on('error', () => undefined);
    socket.once('open', () => {
      send({ type: 'connect', version: 1, token: victim.ticket });
      act(socket, send);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Writes bytes on a connection of its own, never reads, and is gone a while later. */
export function rawThat({ url }: Victim, text: string, forMs: number): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    const timer = setTimeout(() => socket.destroy(), forMs);
    socket.pause();
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A request with the ticket, whose body may be said to be longer than it is. */
export function rawPost(victim: Victim, path: string, body: string, forMs: number, length = body.length) {
  const lines = ['Host: x', `Authorization: Bearer ${victim.ticket}`, 'Content-Type: application/json'];
  const head = [`POST ${path} HTTP/1.1`, ...lines, `Content-Length: ${length}`].join('\r\n');
  return rawThat(victim, `${head}\r\n\r\n${body}`, forMs);
}
