// A client of one node that stays whatever happens, and writes down all that it hears: for tests of outages.

import { setTimeout as pause } from 'node:timers/promises';
import { FEEDS, type FeedEvent, type FeedTarget } from './feed.js';

export interface Heard {
  readonly offset: string;
  readonly data: unknown;
}

/** An answer other than 200 and 204 to a poll or a publish. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly retryAfter: string | null;
}

/** Chosen: short polls of one client a second. */
const SHORT_POLL_PAUSE_MS = 500;
const LONG_POLL_MS = 10_000;

export class SteadyClient {
  readonly transport: string;
  /** Logged messages by channel, as they came. */
  readonly heard = new Map<string, Heard[]>();
  readonly gaps: FeedEvent[] = [];
  /** Of a socket or stream: there should be none. */
  readonly closes: FeedEvent[] = [];
  readonly refusals: Refusal[] = [];
  #close: () => void;
  #closed = false;

  constructor(transport: string, target: FeedTarget, channels: readonly string[]) {
    this.transport = transport;
    for (const channel of channels) this.heard.set(channel, []);
    if (transport === 'long-poll' || transport === 'short-poll') {
      const controller = new AbortController();
      this.#close = () => controller.abort();
      this.#poll(target, controller.signal).catch((error: unknown) => {
        if (!this.#closed) this.closes.push({ type: 'failed', reason: String(error) });
      });
      return;
    }
    const feed = FEEDS[transport]?.(target, Object.fromEntries(channels.map((channel) => [channel, '-1'])));
    if (feed === undefined) throw new TypeError(`no transport ${transport}`);
    this.#close = () => feed.close();
    void this.#listen(() => feed.events.next());
  }

  /** The values heard on a channel. */
  values(channel: string): unknown[] {
    return (this.heard.get(channel) ?? []).map(({ data }) => data);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#close();
  }

  async #listen(next: () => Promise<FeedEvent>): Promise<void> {
    while (!this.#closed) {
      const event = await next();
      if (this.#closed) return;
      if (event.type === 'message') this.#hear(event.channel ?? '', event);
      else if (event.type === 'gap') this.gaps.push(event);
      else if (event.type === 'closed' || event.type === 'error' || event.type === 'refused') this.closes.push(event);
      if (event.type === 'closed') return;
    }
  }

  #hear(channel: string, { offset = '', data }: { readonly offset?: string; readonly data?: unknown }): void {
    this.heard.get(channel)?.push({ offset, data });
  }

  async #poll({ url, ticket }: FeedTarget, signal: AbortSignal): Promise<void> {
    const waitMs = this.transport === 'long-poll' ? LONG_POLL_MS : 0;
    const positions = Object.fromEntries([...this.heard.keys()].map((channel) => [channel, '-1']));
    while (!this.#closed) {
      const response = await fetch(`${url}/v1/poll`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${ticket}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ channels: positions, waitMs }),
        signal,
      });
      const text = await response.text();
      if (response.status === 200) this.#take(JSON.parse(text), positions);
      else if (response.status !== 204) this.refusals.push(refusalOf(response, text));
      const retryAfterMs = 1_000 * Number(response.headers.get('retry-after') ?? 0);
      const wait = Math.max(retryAfterMs, waitMs === 0 ? SHORT_POLL_PAUSE_MS : 0);
      if (wait > 0) await pause(wait, undefined, { signal });
    }
  }

  #take(answer: PollAnswer, positions: Record<string, string>): void {
    for (const [channel, { offset, messages, gap }] of Object.entries(answer.channels)) {
      if (gap !== undefined) this.gaps.push({ ...gap, type: 'gap', channel });
      for (const message of messages) this.#hear(channel, message);
      positions[channel] = offset;
    }
  }
}

interface PollAnswer {
  readonly channels: Readonly<
    Record<string, { readonly offset: string; readonly messages: readonly Heard[]; readonly gap?: object }>
  >;
}

/** What a problem response says. */
export function refusalOf(response: Response, text: string): Refusal {
  const problem: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  const code = typeof problem === 'object' && problem !== null && 'code' in problem ? String(problem.code) : '';
  return { status: response.status, code, retryAfter: response.headers.get('retry-after') };
}
