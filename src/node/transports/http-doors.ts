// Takes each HTTP request to its door, with origins, methods and errors handled the same for all.

import { preflightHeaders } from '../../http/origins.js';
import { allowedMethods, type Found, type Route, Router, requireMethod } from '../../http/router.js';
import { FanfareError } from '../../lib/errors.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import type { HttpExchange } from '../engines/engine.js';
import type { Fallback } from '../node-options.js';
import { type CallParts, HttpCall } from './call.js';

/** Answers a call, or throws. */
export type DoorRoute = Route<HttpCall, void>;

/** The node's own paths; everything else goes to `fallback`. */
export class HttpDoors {
  readonly #parts: CallParts;
  readonly #router: Router<HttpCall, void>;
  readonly #fallback: Fallback | undefined;

  constructor(parts: CallParts, routes: readonly DoorRoute[], fallback: Fallback | undefined) {
    this.#parts = parts;
    this.#router = new Router([...routes, { methods: [], pattern: PATHS.websocket, run: refuseWithoutUpgrade }]);
    this.#fallback = fallback;
  }

  /** Resolves when a fallback has answered; what it throws is for whoever called. */
  handle(exchange: HttpExchange): void | Promise<void> {
    // None of the node's own patterns has a name in it that could be badly encoded.
    const found = this.#router.find(exchange.path);
    if (found === undefined && this.#fallback !== undefined) return this.#fallback(exchange);
    const call = new HttpCall(exchange, this.#parts);
    const origin = exchange.header('origin');
    try {
      this.#parts.admission.requireOrigin(origin);
      if (found === undefined) throw new FanfareError('not_found', 'there is nothing at this path');
      this.#run(call, found, origin);
    } catch (error) {
      call.fail(error, found !== undefined && isWrongMethod(error) ? { Allow: allowedMethods(found.route) } : {});
    }
  }

  #run(call: HttpCall, { route, params }: Found<HttpCall, void>, origin: string | undefined): void {
    const { method } = call.exchange;
    if (method === 'OPTIONS' && origin !== undefined && route.methods.length > 0) {
      return call.respond(204, preflightHeaders(origin, route.methods.join(', ')));
    }
    requireMethod(route, method);
    route.run(call, params);
  }
}

function refuseWithoutUpgrade(call: HttpCall): void {
  call.fail(new FanfareError('upgrade_required', 'this path speaks WebSocket only'), {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': WEBSOCKET_SUBPROTOCOL,
  });
}

function isWrongMethod(error: unknown): boolean {
  return error instanceof FanfareError && error.code === 'method_not_allowed';
}
