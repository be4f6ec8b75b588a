// Publishes over HTTP, through the node that discovery names: for what the SDK does not ask for.

import type { ConnectResponse, Problem, PublishResponse } from '../protocol/index.js';
import { ClientEnded, type ClientTerms, tokenAdvice } from './client-flags.js';

/** Chosen: longer than a node takes at the most to say that nobody knows. */
const TIMEOUT_MS = 10_000;

export interface HttpOrder {
  readonly channel: string;
  readonly data: unknown;
  readonly key?: string;
  readonly waitReplicas: number;
}

/** Resolves with what publishes one message and answers its offset. Both reject with `ClientEnded`, or as `fetch` does. */
export async function httpPublisher({ url, token }: ClientTerms): Promise<(order: HttpOrder) => Promise<string>> {
  const { node, ticket } = await post<ConnectResponse>(`${url}/v1/connect`, token, {});
  return async (order) => {
    const { offset } = await post<PublishResponse>(`${node.url}/v1/publish`, ticket, order);
    return offset;
  };
}

async function post<T>(url: string, bearer: string | undefined, body: object): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  const { code, detail } = problemIn(text);
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
