// Publishes over HTTP: through the node that discovery names, for what the SDK does not ask for, or at a node, with a publish key.

import {
  type ConnectResponse,
  LIMITS,
  type PublishFailure,
  type PublishResponse,
  type PublishResults,
} from '../protocol/index.js';
import type { ClientTerms } from './client-flags.js';
import { askHttp, type Question } from './http-ask.js';

/** Chosen: well below what a node takes of a body. */
const MAX_BATCH_BYTES = 512 * 1024;

export interface HttpOrder {
  readonly channel: string;
  readonly data: unknown;
  readonly key?: string;
  readonly waitReplicas?: number;
  /** `false`: whoever listens now has it, and nobody keeps it. */
  readonly history?: false;
}

/** A node, and a publish key that is good there. */
export interface KeyTerms {
  readonly url: string;
  readonly key: string;
  readonly waitReplicas?: number;
}

/** Resolves with what publishes one message. Both reject with `ClientEnded`, as `askHttp` does. */
export async function httpPublisher(terms: ClientTerms): Promise<(order: HttpOrder) => Promise<PublishResponse>> {
  const { node, ticket } = await post<ConnectResponse>(`${terms.url}/v1/connect`, { bearer: terms.token, body: {} });
  return (order) => post<PublishResponse>(`${node.url}/v1/publish`, { bearer: ticket, body: order });
}

/** Publishes with a publish key in as few calls as there may be; yields an answer for each message, in their order. Throws as above. */
export async function* publishInBatches(
  { url, key, waitReplicas }: KeyTerms,
  orders: readonly HttpOrder[],
): AsyncGenerator<PublishResponse | PublishFailure> {
  for (const messages of batchesOf(orders)) {
    const body = { messages, ...(waitReplicas !== undefined && { waitReplicas }) };
    const question = { bearer: key, keyKind: 'publish key', body } as const;
    yield* (await post<PublishResults>(`${url}/v1/publish`, question)).results;
  }
}

function batchesOf(orders: readonly HttpOrder[]): readonly (readonly HttpOrder[])[] {
  const batches: HttpOrder[][] = [];
  let bytes = 0;
  for (const order of orders) {
    const size = Buffer.byteLength(JSON.stringify(order)) + 1;
    const last = batches.at(-1);
    if (last === undefined || last.length === LIMITS.maxPublishes || bytes + size > MAX_BATCH_BYTES) {
      batches.push([order]);
      bytes = size;
    } else {
      last.push(order);
      bytes += size;
    }
  }
  return batches;
}

async function post<T>(url: string, question: Omit<Question, 'method'>): Promise<T> {
  return (await askHttp(url, { ...question, method: 'POST' })).json as T;
}
