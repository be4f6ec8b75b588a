// Publishes over HTTP: through the node that discovery names, for what the SDK does not ask for, or at a node, with a publish key.

import { setTimeout as pause } from 'node:timers/promises';
import {
  type ConnectResponse,
  LIMITS,
  PATHS,
  type PublishFailure,
  type PublishResponse,
  type PublishResults,
} from '../protocol/index.js';
import type { ClientTerms } from './client-flags.js';
import { askHttp, type Question, Refused } from './http-ask.js';

/** Chosen: well below what a node takes of a body. */
const MAX_BATCH_BYTES = 512 * 1024;
/** Chosen: a bound of publishes is full again by then. */
const PATIENCE_MS = 10_000;

export interface HttpOrder {
  readonly channel: string;
  /** A JSON text, which is stored as it stands. */
  readonly data: string;
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

/** Resolves with what publishes one message, in its time where there is a bound. Both reject with `ClientEnded`, as `askHttp` does. */
export async function httpPublisher(terms: ClientTerms): Promise<(order: HttpOrder) => Promise<PublishResponse>> {
  const where = { bearer: terms.token, body: '{}', whose: 'discovery' } as const;
  const { node, ticket } = await post<ConnectResponse>(`${terms.url}${PATHS.connect}`, where);
  return async (order) => {
    const question = { bearer: ticket, body: orderText(order), whose: 'node' } as const;
    for (const until = performance.now() + PATIENCE_MS; ; ) {
      try {
        return await post<PublishResponse>(node.url + PATHS.publish, question);
      } catch (error) {
        const waitMs = error instanceof Refused && error.code === 'rate_limited' ? error.retryAfterMs : undefined;
        if (waitMs === undefined || performance.now() + waitMs > until) throw error;
        await pause(waitMs);
      }
    }
  };
}

/** Publishes with a publish key in as few calls as there may be; yields an answer for each message, in their order. Throws as above. */
export async function* publishInBatches(
  terms: KeyTerms,
  orders: readonly HttpOrder[],
): AsyncGenerator<PublishResponse | PublishFailure> {
  for (const batch of batchesOf(orders)) yield* publishBatch(terms, batch);
}

/** In halves where it is more than the server, or a proxy before it, takes at once. */
async function* publishBatch(
  terms: KeyTerms,
  orders: readonly HttpOrder[],
): AsyncGenerator<PublishResponse | PublishFailure> {
  const { url, key, waitReplicas } = terms;
  const waits = waitReplicas === undefined ? '' : `,"waitReplicas":${waitReplicas}`;
  const body = `{"messages":[${orders.map(orderText).join(',')}]${waits}}`;
  const question = { bearer: key, keyKind: 'publish key', body, whose: 'node' } as const;
  try {
    yield* (await post<PublishResults>(url + PATHS.publish, question)).results;
  } catch (error) {
    const [only] = orders;
    if (!(error instanceof Refused) || error.status !== 413 || only === undefined) throw error;
    if (orders.length === 1) return yield { channel: only.channel, code: 'payload_too_large', message: error.message };
    const half = Math.ceil(orders.length / 2);
    yield* publishBatch(terms, orders.slice(0, half));
    yield* publishBatch(terms, orders.slice(half));
  }
}

function batchesOf(orders: readonly HttpOrder[]): readonly (readonly HttpOrder[])[] {
  const batches: HttpOrder[][] = [];
  let bytes = 0;
  for (const order of orders) {
    const size = Buffer.byteLength(orderText(order)) + 1;
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

function orderText({ data, ...others }: HttpOrder): string {
  return `${JSON.stringify(others).slice(0, -1)},"data":${data}}`;
}

async function post<T>(url: string, question: Omit<Question, 'method'>): Promise<T> {
  return (await askHttp(url, { ...question, method: 'POST' })).json as T;
}
