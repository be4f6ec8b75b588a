// An honest subscriber of one channel over one transport, from an address of its own, that writes down all that it misses.

import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

export const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export interface Place {
  readonly port: number;
  readonly token: string;
  readonly address: string;
}

export const CHANNEL = 'gun';
const LONG_POLL_MS = 10_000;
const SHORT_POLL_PAUSE_MS = 500;

interface Event {
  readonly type: string;
  readonly data?: unknown;
  readonly [field: string]: unknown;
}

export class Subscriber {
  readonly transport: Transport;
  /** The numbers that it has heard, as they came. */
  readonly heard: number[] = [];
  /** Gaps, ends and refusals: there should be none. */
  readonly trouble: string[] = [];
  readonly ready: Promise<void>;
  readonly #place: Place;
  readonly #agent: Agent;
  #isReady: () => void = () => undefined;
  #socket: WebSocket | undefined;
  #isClosed = false;

  constructor(transport: Transport, place: Place) {
    this.transport = transport;
    this.#place = place;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: place.address });
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    if (transport === 'websocket') this.#openSocket();
    else if (transport === 'sse') this.#stream().catch((error: unknown) => this.#note(String(error)));
    else this.#poll().catch((error: unknown) => this.#note(String(error)));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.terminate();
    this.#agent.destroy();
  }

  #note(text: string): void {
    if (!this.#isClosed) this.trouble.push(`${this.transport}: ${text}`);
    this.#isReady();
  }

  #take(event: Event): void {
    if (event.type === 'subscribed') this.#isReady();
    else if (event.type === 'message') this.heard.push(Number(event.data));
    else if (event.type !== 'connected' && event.type !== 'heartbeat') this.#note(JSON.stringify(event));
  }

  #openSocket(): void {
    const { port, token, address } = this.#place;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, { localAddress: address });
    this.#socket = socket;
    socket.on('error', (error) => this.#note(String(error)));
    socket.on('close', (code) => this.#note(`closed with ${code}`));
    socket.on('message', (data) => this.#take(JSON.parse(String(data)) as Event));
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'connect', id: 1, version: 1, token }));
      socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: { [CHANNEL]: '-1' } }));
    });
  }

  async #stream(): Promise<void> {
    const response = await this.#post('/v1/stream', { channels: { [CHANNEL]: '-1' } });
    if (response.statusCode !== 200) return this.#note(`refused with ${response.statusCode}`);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const parts = (text + String(chunk)).split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const data = part.split('\n').find((line) => line.startsWith('data: '));
        if (data !== undefined) this.#take(JSON.parse(data.slice('data: '.length)) as Event);
      }
    }
    this.#note('the stream ended');
  }

  async #poll(): Promise<void> {
    const waitMs = this.transport === 'long-poll' ? LONG_POLL_MS : 0;
    let offset = '-1';
    while (!this.#isClosed) {
      const response = await this.#post('/v1/poll', { channels: { [CHANNEL]: offset }, waitMs });
      const body = await textOf(response);
      if (response.statusCode === 200) {
        const answer = JSON.parse(body) as {
          channels: Record<string, { offset: string; messages: Event[]; gap?: object }>;
        };
        const part = answer.channels[CHANNEL];
        offset = part?.offset ?? offset;
        if (part?.gap !== undefined) this.#note(JSON.stringify(part.gap));
        for (const message of part?.messages ?? []) this.heard.push(Number(message.data));
      } else if (response.statusCode !== 204) this.#note(`refused with ${response.statusCode}: ${body}`);
      this.#isReady();
      if (waitMs === 0) await pause(SHORT_POLL_PAUSE_MS);
    }
  }

  /** A connection that was kept may have been closed at the same moment: then the request was not seen, and is made once more. */
  async #post(path: string, body: object, again = true): Promise<IncomingMessage> {
    const { port, token, address } = this.#place;
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const options = { host: '127.0.0.1', port, path, method: 'POST', headers, agent: this.#agent };
    const sent = request({ ...options, localAddress: address } satisfies RequestOptions);
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        sent.once('response', resolve);
        sent.once('error', reject);
        sent.end(JSON.stringify(body));
      });
    } catch (error) {
      if (!again || !sent.reusedSocket || this.#isClosed) throw error;
      return this.#post(path, body, false);
    }
  }
}

export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return text;
}

/** How long it takes a newcomer to be let in, who tries again at once when it is refused; at most `giveUpMs`. */
export async function timeToConnect({ port, token, address }: Place, giveUpMs: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, { localAddress: address });
    const isIn = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('open', () => socket.send(JSON.stringify({ type: 'connect', id: 1, version: 1, token })));
      socket.once('message', (data) => resolve((JSON.parse(String(data)) as Event).type === 'connected'));
    });
    socket.terminate();
    const passedMs = performance.now() - startedAt;
    if (isIn || passedMs > giveUpMs) return passedMs;
    await pause(50);
  }
}
