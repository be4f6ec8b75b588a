// A client of a bare engine, and the engine's side of it.

import { expect } from 'vitest';
import { WebSocket } from 'ws';
import type { EngineSocket } from '../../src/node/engines/engine.js';
import { type EngineHost, Queue, type RecordingHandler } from './engine-host.js';

/** A client of the `ws` library that queues what it hears. */
export class Client {
  readonly heard = new Queue<string>();
  readonly ws: WebSocket;
  readonly closed: Promise<string>;

  constructor(host: EngineHost) {
    this.ws = new WebSocket(`ws://127.0.0.1:${host.port}/ws`, { perMessageDeflate: false });
    this.ws.on('message', (data) => this.heard.push(String(data)));
    this.ws.on('error', () => {});
    this.closed = new Promise((resolve) => this.ws.on('close', (code, reason) => resolve(`${code} ${reason}`)));
  }
}

export interface Link {
  readonly client: Client;
  readonly handler: RecordingHandler;
  readonly socket: EngineSocket;
}

/** Opens a WebSocket and has seen it open on both sides. */
export async function linkTo(host: EngineHost): Promise<Link> {
  const client = new Client(host);
  const handler = await host.accepted.next();
  const socket = await handler.socket;
  await new Promise((resolve) => client.ws.once('open', resolve));
  expect(await handler.events.next()).toBe('open');
  return { client, handler, socket };
}
