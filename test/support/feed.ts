// A queueing client for each transport, with one interface: tests pull events, and never sleep.

import { WebSocket } from 'ws';

export interface FeedEvent {
  readonly type: string;
  readonly channel?: string;
  readonly offset?: string;
  readonly after?: string;
  readonly data?: unknown;
  readonly from?: unknown;
  readonly reason?: string | number;
  readonly recovered?: boolean;
  readonly code?: string | number;
  readonly id?: number;
  readonly [field: string]: unknown;
}

/** Pulls events one by one; waits for one that is not there yet. */
export class EventQueue {
  readonly #events: FeedEvent[] = [];
  #waiting: ((event: FeedEvent) => void)[] = [];

  push(event: FeedEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  }

  next(): Promise<FeedEvent> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next event of one of these types; others are dropped. */
  async nextOf(...types: string[]): Promise<FeedEvent> {
    for (;;) {
      const event = await this.next();
      if (types.includes(event.type)) return event;
    }
  }

  async take(count: number, ...types: string[]): Promise<FeedEvent[]> {
    const events: FeedEvent[] = [];
    while (events.length < count) events.push(await this.nextOf(...types));
    return events;
  }

  get size(): number {
    return this.#events.length;
  }
}

/** A subscription over some transport. Events: `subscribed`, `message`, `gap`, `error`, `heartbeat`, `closed`. */
export interface Feed {
  readonly events: EventQueue;
  close(): void;
}

export interface FeedTarget {
  /** `http://…` base of a node. */
  readonly url: string;
  readonly ticket: string;
}

export type Positions = Readonly<Record<string, string>>;
export type OpenFeed = (target: FeedTarget, channels: Positions) => Feed;

/** A WebSocket that sends what it is told and queues what it hears. */
export class SocketClient {
  readonly events = new EventQueue();
  readonly socket: WebSocket;
  #id = 0;

  constructor(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, options);
    this.socket.on('message', (data) => this.events.push(JSON.parse(String(data))));
    this.socket.on('close', (code, reason) => this.events.push({ type: 'closed', code, reason: String(reason) }));
    this.socket.on('error', () => undefined);
  }

  /** Sends a command once the socket is open; answers its id. */
  command(fields: object): number {
    const id = ++this.#id;
    this.raw(JSON.stringify({ id, ...fields }));
    return id;
  }

  raw(frame: string | Buffer): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
    else this.socket.once('open', () => this.socket.send(frame));
  }

  connect(token: string): number {
    return this.command({ type: 'connect', version: 1, token });
  }

  close(): void {
    this.socket.terminate();
  }
}

export const openWebSocket: OpenFeed = ({ url, ticket }, channels) => {
  const client = new SocketClient(url);
  client.connect(ticket);
  client.command({ type: 'subscribe', channels });
  return { events: client.events, close: () => client.close() };
};

function post(target: FeedTarget, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(target.url + path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${target.ticket}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });
}

export const openStream: OpenFeed = (target, channels) => {
  const events = new EventQueue();
  const controller = new AbortController();
  const run = async () => {
    const response = await post(target, '/v1/stream', { channels }, controller.signal);
    if (response.status !== 200 || response.body === null) {
      events.push({ ...((await response.json()) as object), type: 'refused' });
      return;
    }
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const data = part.split('\n').find((line) => line.startsWith('data: '));
        if (data !== undefined) events.push(JSON.parse(data.slice(6)));
        else if (part.startsWith(':')) events.push({ type: 'heartbeat' });
      }
    }
    events.push({ type: 'closed' });
  };
  run().catch(() => events.push({ type: 'closed' }));
  return { events, close: () => controller.abort() };
};

/** Polls in a loop and tells what it gets in the words of the other transports. */
function openPoll(waitMs: number): OpenFeed {
  return (target, channels) => {
    const events = new EventQueue();
    const controller = new AbortController();
    const positions: Record<string, string> = { ...channels };
    const announced = new Set<string>();
    const once = async () => {
      const response = await post(target, '/v1/poll', { channels: positions, waitMs }, controller.signal);
      if (response.status === 204) return true;
      if (response.status !== 200) {
        events.push({ ...((await response.json()) as object), type: 'refused' });
        return false;
      }
      const answer = (await response.json()) as {
        channels: Record<string, { offset: string; messages: object[]; gap?: object }>;
      };
      for (const [channel, { offset, messages, gap }] of Object.entries(answer.channels)) {
        if (!announced.has(channel)) events.push({ type: 'subscribed', channel, offset, recovered: gap === undefined });
        announced.add(channel);
        if (gap !== undefined) events.push({ type: 'gap', channel, ...gap });
        for (const message of messages) events.push({ type: 'message', channel, data: undefined, ...message });
        positions[channel] = offset;
      }
      return true;
    };
    const run = async () => {
      while (!controller.signal.aborted && (await once()));
      events.push({ type: 'closed' });
    };
    run().catch(() => events.push({ type: 'closed' }));
    return { events, close: () => controller.abort() };
  };
}

export const openLongPoll = openPoll(20_000);
export const openShortPoll = openPoll(0);

/** Every transport by its name in the contract. */
export const FEEDS: Readonly<Record<string, OpenFeed>> = {
  websocket: openWebSocket,
  sse: openStream,
  'long-poll': openLongPoll,
  'short-poll': openShortPoll,
};
