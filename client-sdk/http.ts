// One POST, and what its refusal means.

import type { Problem } from '../src/protocol/index.js';
import { CLOSE_LATER, CLOSE_NETWORK, CLOSE_REFUSED, CLOSE_UNAUTHORIZED, createFailure } from './errors.js';

/**
 * Resolves with a 2xx response. Rejects with a `Failure` for any other: only a problem document with a code is
 * Fanfare's word, anything else is a proxy's and counts as the network's. Rejects with what `fetch` threw.
 */
export async function post(
  fetch: typeof globalThis.fetch,
  url: string,
  token: string | undefined,
  body: string,
  signal: AbortSignal,
): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body, signal });
  if (response.ok) return response;
  const { status } = response;
  const problem: Partial<Problem> | null = await response.json().catch(() => null);
  const code = problem?.code;
  throw createFailure(closeForStatus(status, code), code ?? `http_${status}`, problem?.detail, {
    retryAfterMs: Number(response.headers.get('Retry-After')) * 1000 || undefined,
    ...problem,
  });
}

function closeForStatus(status: number, code: string | undefined): number {
  if (!code) return CLOSE_NETWORK;
  if (status === 401) return CLOSE_UNAUTHORIZED;
  return status === 408 || status === 429 || status > 499 ? CLOSE_LATER : CLOSE_REFUSED;
}
