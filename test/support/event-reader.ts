// A reader of server-sent events, as the HTML standard has it: a queue of events with their ids, and how long to wait before coming again.

import { request } from 'node:http';
import type { GetOptions } from './http-get.js';

export interface StreamedEvent {
  /** `end`: the stream is over. */
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** Pulls events one by one; waits for one that is not there yet. */
export class StreamedQueue {
  readonly #events: StreamedEvent[] = [];
  #waiting: ((event: StreamedEvent) => void)[] = [];
  /** The last `retry` that came. */
  retryMs = 0;

  push(event: StreamedEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  }

  next(): Promise<StreamedEvent> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next event of one of these types; others are dropped. Rejects at the end. */
  async nextOf(...types: string[]): Promise<StreamedEvent> {
    for (;;) {
      const event = await this.next();
      if (types.includes(event.type)) return event;
      if (event.type === 'end') throw new Error('the stream has ended');
    }
  }

  async take(count: number, ...types: string[]): Promise<readonly StreamedEvent[]> {
    const events: StreamedEvent[] = [];
    while (events.length < count) events.push(await this.nextOf(...types));
    return events;
  }
}

export interface StreamedEvents {
  readonly head: { readonly status: number; readonly headers: Readonly<Record<string, string | undefined>> };
  readonly events: StreamedQueue;
  close(): void;
}

/** Resolves with the head of the answer. */
export function openEvents(base: string, path: string, { ticket, headers = {} }: GetOptions): Promise<StreamedEvents> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: hostname, port, path, agent: false },
      headers: { ...(ticket !== undefined && { Authorization: `Bearer ${ticket}` }), ...headers },
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      const events = new StreamedQueue();
      let text = '';
      let id: string | undefined;
      const event = (lines: readonly string[]) => {
        const data: string[] = [];
        let type = 'message';
        for (const line of lines) {
          const at = line.indexOf(':');
          const [name, value] = at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1).replace(/^ /, '')];
          if (name === 'data') data.push(value);
          if (name === 'event') type = value;
          if (name === 'id') id = value;
          if (name === 'retry') events.retryMs = Number(value);
        }
        if (data.length > 0) events.push({ type, id, data: data.join('\n') });
      };
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const parts = text.split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) event(part.split('\n'));
      });
      const end = () => events.push({ type: 'end', id, data: '' });
      response.once('end', end).once('error', end);
      const entries = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
      const head = { status: response.statusCode ?? 0, headers: Object.fromEntries(entries) };
      resolve({ head, events, close: () => sent.destroy() });
    });
    sent.end();
  });
}
