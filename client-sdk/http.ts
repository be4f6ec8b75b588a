// One POST, what its refusal means, and the pieces of its answer.

import type { Problem } from '../src/protocol/index.js';
import { createFailure } from './errors.js';
import {
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_REFUSED,
  CLOSE_REVOKED,
  CLOSE_UNAUTHORIZED,
  MAX_PROXY_RETRY_MS,
} from './numbers.js';
import type { Fetch, ResponseLike, Signal } from './types.js';

/** Resolves with a 2xx response. Rejects with a `Failure` for any other, and with what `fetch` threw. */
export const post = async (
  fetch: Fetch,
  url: string,
  token: string | null | undefined,
  body: object,
  signal: Signal,
): Promise<ResponseLike> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  const { status } = response;
  const problem = ((await response.json().catch(() => 0)) || {}) as Partial<Problem>;
  const { type, code, detail, channels } = problem;
  const header = response.headers.get('Retry-After') as string;
  // Seconds, or a date.
  const afterMs = Number(problem.retryAfterMs) || Number(header) * 1000 || Date.parse(header) - Date.now() || 0;
  // Only its own problem documents are Fanfare's word, and not where what the SDK asks for did not arrive as it was sent; anything else is a
  // proxy's, and counts as the network's.
  const own = /^urn:fanfare/.test(type as string) && code;
  const isHeard = own && !/^(bad_re|body_|du|he|me|not_f|unsupported_m|up|uri)/.test(own);
  // What says when may be tried again.
  const isLater = afterMs || /408|429|5../.test(status as never);
  const unauthorized = code === 'revoked' ? CLOSE_REVOKED : CLOSE_UNAUTHORIZED;
  const close = !isHeard ? CLOSE_NETWORK : isLater ? CLOSE_LATER : status === 401 ? unauthorized : CLOSE_REFUSED;
  throw createFailure(close, own || `http_${status}`, `${url}: ${detail ?? status}`, {
    channels,
    retryAfterMs: isHeard ? afterMs : Math.min(afterMs, MAX_PROXY_RETRY_MS),
  });
};

/** The pieces of a body as they come. */
export const pieces = (body: unknown): ReadableStreamDefaultReader<Uint8Array> =>
  (body as ReadableStream<Uint8Array>).getReader();
