// One POST, what its refusal means, and its body read piece by piece.

import type { Problem } from '../src/protocol/index.js';
import { createFailure } from './errors.js';
import {
  CLOSE_LATER,
  CLOSE_NETWORK,
  CLOSE_REFUSED,
  CLOSE_REVOKED,
  CLOSE_UNAUTHORIZED,
  MAX_EVENT_LENGTH,
  MAX_PROXY_RETRY_MS,
} from './numbers.js';
import type { Fetch, ResponseLike, Signal } from './types.js';

/** Resolves with a 2xx response. Rejects with a `Failure` for any other, and with what `fetch` threw. */
export const post = async (
  fetch: Fetch,
  url: string,
  token: string | undefined,
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
  const { code, detail, channels } = problem;
  const header = response.headers.get('Retry-After') ?? '';
  // Seconds, or a date.
  const afterMs = Number(problem.retryAfterMs) || Number(header) * 1000 || Date.parse(header) - Date.now() || 0;
  const isLater = status === 408 || status === 429 || status > 499;
  const unauthorized = code === 'revoked' ? CLOSE_REVOKED : CLOSE_UNAUTHORIZED;
  const refused = status === 401 ? unauthorized : isLater ? CLOSE_LATER : CLOSE_REFUSED;
  // Only a problem document with a code is Fanfare's word, and not where what the SDK asks for did not arrive as it was sent; anything else
  // is a proxy's, and counts as the network's.
  throw code && !/^(bad_re|body_|du|he|me|not_f|unsupported_m|up|uri)/.test(code)
    ? createFailure(refused, code, detail, { channels, retryAfterMs: afterMs })
    : createFailure(CLOSE_NETWORK, code ?? `http_${status}`, detail, {
        retryAfterMs: Math.min(afterMs, MAX_PROXY_RETRY_MS),
      });
};

/** The pieces of a body as they come. */
export const pieces = (body: unknown): ReadableStreamDefaultReader<Uint8Array> =>
  (body as ReadableStream<Uint8Array>).getReader();

/** The JSON of an answer; each piece that comes is told, so that a slow link is no dead one. */
export const readJson = async (response: ResponseLike, touch: () => void): Promise<unknown> => {
  // As in React Native, where it comes as a whole.
  if (!response.body) return response.json();
  const decoder = new TextDecoder();
  const reader = pieces(response.body);
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    touch();
    if (done) return JSON.parse(text + decoder.decode());
    text += decoder.decode(value, { stream: true });
    if (text.length > MAX_EVENT_LENGTH) throw new RangeError('answer');
  }
};
