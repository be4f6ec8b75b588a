// Publishes at the moment at which they leave the page: each is stamped with it, and one that is refused for now is heard.

import { isRecord, nowMs } from './payload.js';

/** Where the SDK publishes without a WebSocket. */
const PUBLISH_PATH = '/v1/publish';
const LIMITED = 'rate_limited';
const TOO_MANY_REQUESTS = 429;

/**
 * A command, or the body of a request, as it is to go. In one that carries the demo's own payload `sentAtMs` becomes now:
 * what waited in the SDK, for the connection, its window or the rate limit, is no latency of the transport. Each repetition
 * is stamped anew; anything else stays as it is.
 */
export function stamped(text: string): string {
  const command = parse(text);
  const { data } = command;
  if (!isRecord(data) || typeof data.sentAtMs !== 'number') return text;
  return JSON.stringify({ ...command, data: { ...data, sentAtMs: nowMs() } });
}

/** Whether an event of a WebSocket says that a command came too soon. */
export function saysTooSoon(text: unknown): boolean {
  // Nearly every event is told apart without reading it twice.
  if (typeof text !== 'string' || !text.includes(LIMITED)) return false;
  const { type, code } = parse(text);
  return type === 'error' && code === LIMITED;
}

/** A request as it is to go, where it publishes; `undefined` where it does something else. */
export function stampedRequest(input: RequestInfo | URL, init: RequestInit | undefined): RequestInit | undefined {
  const url = input instanceof Request ? input.url : String(input);
  if (!url.endsWith(PUBLISH_PATH) || typeof init?.body !== 'string') return undefined;
  return { ...init, body: stamped(init.body) };
}

export function isTooSoon({ status }: Response): boolean {
  return status === TOO_MANY_REQUESTS;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    // What is no JSON is none of ours.
    return {};
  }
}
