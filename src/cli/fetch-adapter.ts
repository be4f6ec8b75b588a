// Serves a function `(Request) => Promise<Response>` on an engine's HTTP exchanges, so that both share one port.

import type { RequestHandler } from '../../discovery/server.js';
import { corsHeaders, type Origins } from '../http/origins.js';
import { requestUrl } from '../http/request-url.js';
import { calm } from '../lib/calm.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import type { HttpExchange } from '../node/engines/engine.js';
import type { Fallback } from '../node/node-options.js';
import { problemResponse } from './problem-response.js';

/** What discovery and the page are ever sent is far smaller. */
const MAX_BODY_BYTES = 64 * 1024;

/** The handler as a node's fallback. What it throws is logged and answered with 500. */
export function asFallback(handler: RequestHandler, origins: Origins, logger: Logger): Fallback {
  return async (exchange) => {
    const gone = new AbortController();
    exchange.onAbort(() => gone.abort());
    const response = await answer(exchange, handler, gone.signal).catch((error: unknown) => {
      if (!(error instanceof FanfareError)) calm(logger).error({ error, path: exchange.path }, 'a request failed');
      const origin = exchange.header('origin');
      return problemResponse(error, corsHeaders(origins.allows(origin) ? origin : undefined));
    });
    const body =
      response.body === null || exchange.method === 'HEAD' ? undefined : Buffer.from(await response.arrayBuffer());
    if (!exchange.aborted) exchange.respond(response.status, Object.fromEntries(response.headers), body);
  };
}

async function answer(exchange: HttpExchange, handler: RequestHandler, signal: AbortSignal): Promise<Response> {
  return handler(await requestOf(exchange, signal), { remoteAddress: exchange.remoteAddress });
}

async function requestOf(exchange: HttpExchange, signal: AbortSignal): Promise<Request> {
  const { method, path, query } = exchange;
  const url = requestUrl(query === '' ? path : `${path}?${query}`);
  const withBody = method !== 'GET' && method !== 'HEAD';
  const body = withBody ? await bodyOf(exchange) : undefined;
  try {
    const headers = new Headers();
    for (const [name, value] of exchange.headers()) headers.append(name, value);
    return new Request(url, { method, headers, signal, ...(body !== undefined && { body }) });
  } catch (cause) {
    throw new FanfareError('bad_request', 'the request line or a header is not well-formed', { cause });
  }
}

function bodyOf(exchange: HttpExchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    exchange.readBody(MAX_BODY_BYTES, (body) => {
      if (body !== undefined) resolve(body);
      else reject(new FanfareError('payload_too_large', `the body is over ${MAX_BODY_BYTES} bytes`));
    });
  });
}
