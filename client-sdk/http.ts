// One POST, and what its refusal means.

import type { Problem } from '../src/protocol/index.js';
import { createFailure } from './errors.js';
import { CLOSE_LATER, CLOSE_NETWORK, CLOSE_REFUSED, CLOSE_UNAUTHORIZED } from './numbers.js';

/** Resolves with a 2xx response. Rejects with a `Failure` for any other, and with what `fetch` threw. */
export const post = async (
  fetch: typeof globalThis.fetch,
  url: string,
  token: string | undefined,
  body: object,
  signal: AbortSignal,
): Promise<Response> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  const { status } = response;
  const problem: Partial<Problem> = await response.json().catch(() => ({}));
  const { code, detail } = problem;
  const isLater = status === 408 || status === 429 || status > 499;
  const refused = status === 401 ? CLOSE_UNAUTHORIZED : isLater ? CLOSE_LATER : CLOSE_REFUSED;
  // Only a problem document with a code is Fanfare's word; anything else is a proxy's and counts as the network's.
  const close = code ? refused : CLOSE_NETWORK;
  throw createFailure(close, code ?? `http_${status}`, detail, {
    // Multiplying reads the number; a date, or nothing, is 0.
    retryAfterMs: (response.headers.get('Retry-After') as never) * 1000 || 0,
    ...problem,
  });
};
