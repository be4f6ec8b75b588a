// Takes each HTTP request to its endpoint, with origins, methods and errors handled the same for all.

import { preflightHeaders } from '../../http/origins.js';
import { FanfareError } from '../../lib/errors.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import type { HttpExchange } from '../engines/engine.js';
import type { NodeContext } from '../node-context.js';
import type { Fallback } from '../node-options.js';
import { HttpCall } from './call.js';

/** Answers a call, or throws. */
export type Endpoint = (call: HttpCall) => void;

/** The node's own paths; everything else goes to `fallback`. */
export class Router {
  readonly #context: NodeContext;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #fallback: Fallback | undefined;

  constructor(context: NodeContext, endpoints: ReadonlyMap<string, Endpoint>, fallback: Fallback | undefined) {
    this.#context = context;
    this.#endpoints = endpoints;
    this.#fallback = fallback;
  }

  async handle(exchange: HttpExchange): Promise<void> {
    const endpoint = this.#endpoints.get(exchange.path);
    if (endpoint === undefined && exchange.path !== PATHS.websocket && this.#fallback !== undefined) {
      return this.#fallback(exchange);
    }
    const call = new HttpCall(exchange, this.#context);
    try {
      this.#dispatch(call, endpoint);
    } catch (error) {
      call.fail(error, allowHeader(error));
    }
  }

  #dispatch(call: HttpCall, endpoint: Endpoint | undefined): void {
    const { exchange } = call;
    const origin = exchange.header('origin');
    if (!this.#context.options.origins.allows(origin)) {
      throw new FanfareError('origin_denied', 'the origin is not on the allow-list');
    }
    if (exchange.path === PATHS.websocket) {
      return call.fail(new FanfareError('upgrade_required', 'this path speaks WebSocket only'), {
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Protocol': WEBSOCKET_SUBPROTOCOL,
      });
    }
    if (endpoint === undefined) throw new FanfareError('not_found', 'there is nothing at this path');
    if (exchange.method === 'OPTIONS' && origin !== undefined) {
      return call.respond(204, preflightHeaders(origin, 'POST'));
    }
    if (exchange.method !== 'POST') throw new FanfareError('method_not_allowed', 'this path takes POST');
    endpoint(call);
  }
}

function allowHeader(error: unknown): Record<string, string> {
  return error instanceof FanfareError && error.code === 'method_not_allowed' ? { Allow: 'POST, OPTIONS' } : {};
}
