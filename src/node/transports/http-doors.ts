// Takes each HTTP request to its door, with origins, methods and errors handled the same for all.

import { nothingAt } from '../../http/nothing-at.js';
import { optionsHeaders } from '../../http/origins.js';
import { allowedMethods, type Found, type PathParams, type Route, Router, requireMethod } from '../../http/router.js';
import { FanfareError } from '../../lib/errors.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import type { HttpExchange } from '../engines/engine.js';
import type { Fallback } from '../node-options.js';
import { type CallParts, HttpCall } from './call.js';
import type { ChannelDoor } from './channel-resource.js';
import type { PollDoor } from './poll.js';
import type { PublishDoor } from './publish.js';
import type { StreamDoor } from './stream.js';

/** Answers a call, or throws. */
export interface DoorRoute extends Route<HttpCall, void> {
  /** Whether pages of every origin may do this: what anybody may read needs no guard. */
  readonly isOpen?: (params: PathParams, method: string) => boolean;
}

export interface Doors {
  readonly polls: Pick<PollDoor, 'handle'>;
  readonly streams: Pick<StreamDoor, 'handle'>;
  readonly publishes: Pick<PublishDoor, 'handle'>;
  readonly channels: Pick<ChannelDoor, 'handle' | 'isOpen'>;
}

/** The paths that a node has of its own, and what is behind them. */
export function routesOf({ polls, streams, publishes, channels }: Doors): readonly DoorRoute[] {
  return [
    { methods: ['POST'], pattern: PATHS.poll, run: (call) => polls.handle(call) },
    { methods: ['POST'], pattern: PATHS.stream, run: (call) => streams.handle(call) },
    { methods: ['POST'], pattern: PATHS.publish, run: (call) => publishes.handle(call) },
    {
      methods: ['GET', 'HEAD', 'DELETE'],
      pattern: `${PATHS.channels}/:channel`,
      isOpen: channels.isOpen,
      run: (call, params) => channels.handle(call, params),
    },
  ];
}

/** The node's own paths; everything else goes to `fallback`. */
export class HttpDoors {
  readonly #parts: CallParts;
  readonly #router: Router<DoorRoute>;
  readonly #fallback: Fallback | undefined;

  constructor(parts: CallParts, routes: readonly DoorRoute[], fallback: Fallback | undefined) {
    this.#parts = parts;
    this.#router = new Router([...routes, { methods: [], pattern: PATHS.websocket, run: refuseWithoutUpgrade }]);
    this.#fallback = fallback;
  }

  /** Resolves when a fallback has answered; what it throws is for whoever called. */
  handle(exchange: HttpExchange): void | Promise<void> {
    let found: Found<DoorRoute> | undefined;
    try {
      found = this.#router.find(exchange.path);
    } catch (error) {
      return new HttpCall(exchange, this.#parts).fail(error);
    }
    if (found === undefined && this.#fallback !== undefined) return this.#fallback(exchange);
    const origin = exchange.header('origin');
    const call = new HttpCall(exchange, this.#parts, origin);
    try {
      const { admission } = this.#parts;
      if (found !== undefined && isOpen(exchange, found)) call.openToAll();
      else admission.requireOrigin(origin);
      if (admission.countsAddresses) admission.arrive({ address: call.address }, admission.nowMs());
      if (found === undefined) throw nothingAt(exchange.path, 'node');
      this.#run(call, found, origin);
    } catch (error) {
      call.fail(error, found !== undefined && isWrongMethod(error) ? { Allow: allowedMethods(found.route) } : {});
    }
  }

  #run(call: HttpCall, { route, params }: Found<DoorRoute>, origin: string | undefined): void {
    const { method } = call.exchange;
    if (method === 'OPTIONS' && route.methods.length > 0) {
      return call.respond(204, optionsHeaders(route, origin));
    }
    requireMethod(route, method);
    route.run(call, params);
  }
}

/** A preflight asks for the method that it stands for. */
function isOpen(exchange: HttpExchange, { route, params }: Found<DoorRoute>): boolean {
  if (route.isOpen === undefined) return false;
  const { method } = exchange;
  return route.isOpen(params, method === 'OPTIONS' ? (exchange.header('access-control-request-method') ?? '') : method);
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
