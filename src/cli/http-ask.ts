// One request of a command to a server, and what its refusal means.

import type { Problem } from '../protocol/index.js';
import { ClientEnded, tokenAdvice } from './client-flags.js';

/** Chosen: longer than a node takes to hear of all others, or to say that nobody knows. */
const TIMEOUT_MS = 10_000;

export interface Question {
  readonly method: string;
  readonly bearer: string | undefined;
  readonly body?: object;
}

/** The answer, where it is 2xx. Throws `ClientEnded` with the code of a refusal, and what `fetch` throws. */
export async function askHttp(url: string, { method, bearer, body }: Question): Promise<Response> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.ok) return response;
  const { code, detail } = problemIn(await response.text());
  const told = [detail, tokenAdvice(code ?? '')].filter(Boolean).join('; ');
  throw new ClientEnded(code ?? 'network', told || `${url} answered ${response.status}`);
}

/** What is not ours, as a proxy's page, says nothing. */
function problemIn(text: string): Partial<Problem> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
