// One POST, and what its refusal means.

import type { Problem } from '../src/protocol/index.js';
import { createFailure } from './errors.js';
import { CLOSE_LATER, CLOSE_NETWORK, CLOSE_REFUSED, CLOSE_UNAUTHORIZED } from './numbers.js';

/** Only a problem document with a code is Fanfare's word; anything else is a proxy's and counts as the network's. */
const closeForStatus = (status: number, code: string | undefined): number => {
  if (!code) return CLOSE_NETWORK;
  if (status === 401) return CLOSE_UNAUTHORIZED;
  return status === 408 || status === 429 || status > 499 ? CLOSE_LATER : CLOSE_REFUSED;
};

/** Resolves with a 2xx response. Rejects with a `Failure` for any other, and with what `fetch` threw. */
export const post = async (
  fetch: typeof globalThis.fetch,
  url: string,
  token: string | undefined,
  body: object,
  signal: AbortSignal,
): Promise<Response> => {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  const { ok, status } = response;
  if (ok) return response;
  const problem: Partial<Problem> = await response.json().catch(() => ({}));
  const { code, detail } = problem;
  throw createFailure(closeForStatus(status, code), code ?? `http_${status}`, detail, {
    retryAfterMs: Number(response.headers.get('Retry-After')) * 1000 || 0,
    ...problem,
  });
};
