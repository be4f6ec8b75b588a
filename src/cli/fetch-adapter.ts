// Serves a function `(Request) => Promise<Response>` on an engine's HTTP exchanges, so that both share one port.

import { DISCOVERY_DEFAULTS } from '../../discovery/options.js';
import { wholeBody } from '../../discovery/request-body.js';
import type { RequestHandler } from '../../discovery/server.js';
import { lazyRequest } from '../http/lazy-body.js';
import { corsHeaders, type Origins } from '../http/origins.js';
import { requestUrl } from '../http/request-url.js';
import { calm } from '../lib/calm.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import type { HttpExchange } from '../node/engines/engine.js';
import type { Fallback } from '../node/node-options.js';
import { problemResponse } from './problem-response.js';

/** The handler as a node's fallback: it reads a body where it wants one. What it throws is logged and answered with 500. */
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
  return handler(requestOf(exchange, signal), { remoteAddress: exchange.remoteAddress });
}

function requestOf(exchange: HttpExchange, signal: AbortSignal): Request {
  const { method, path, query } = exchange;
  const url = requestUrl(query === '' ? path : `${path}?${query}`);
  const withBody = method !== 'GET' && method !== 'HEAD';
  try {
    const headers = new Headers();
    for (const [name, value] of exchange.headers()) headers.append(name, value);
    return lazyRequest(url, { method, headers, signal }, withBody ? () => bodyOf(exchange) : undefined);
  } catch (cause) {
    throw new FanfareError('bad_request', 'the request line or a header is not well-formed', { cause });
  }
}

function bodyOf(exchange: HttpExchange): Promise<Buffer> {
  const { maxBodyBytes } = DISCOVERY_DEFAULTS;
  return wholeBody(maxBodyBytes, (done) => exchange.readBody(maxBodyBytes, done));
}
