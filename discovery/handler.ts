// Discovery: authenticates a client, assigns it the least loaded node, and gives it a ticket.

import { randomUUID } from 'node:crypto';
import { ClientAddress } from '../src/http/client-address.js';
import { nothingAt } from '../src/http/nothing-at.js';
import { corsHeaders, optionsHeaders } from '../src/http/origins.js';
import { problemAnswer } from '../src/http/problem.js';
import { hasRequestId } from '../src/http/refusals.js';
import { allowedMethods, type Route, Router, requireMethod } from '../src/http/router.js';
import { calm } from '../src/lib/calm.js';
import { steadyUnixMs } from '../src/lib/clocks.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import { RateLimited } from '../src/limits/subject-limit.js';
import { HEADERS } from '../src/protocol/index.js';
import { Admission, type AnswerHeaders } from './admission.js';
import type { Call } from './call.js';
import { Endpoints } from './endpoints.js';
import { DISCOVERY_DEFAULTS, type DiscoveryCheck, type DiscoveryOptions, type DiscoveryParts } from './options.js';

export interface RequestContext {
  /** The socket's address. */
  readonly remoteAddress: string;
}

/** Answers a request. Never rejects: what goes wrong inside is logged and answered with 500. */
export interface Discovery {
  (request: Request, context: RequestContext): Promise<Response>;
  /** The same on the port of operators, where the list of nodes is, and nothing for clients. */
  operators(request: Request, context: RequestContext): Promise<Response>;
  /** What readiness depends on. */
  checks(): readonly DiscoveryCheck[];
  /** Looks for nodes now. Never rejects. */
  refresh(): Promise<void>;
  /** Plain counters for metrics. */
  stats(): Readonly<Record<string, number>>;
  /** Ends its timer. Idempotent. */
  close(): void;
}

/** Makes discovery. Throws `TypeError` for a trusted proxy that is no address. */
export function createDiscovery(
  parts: DiscoveryParts,
  given: Partial<DiscoveryOptions> & Pick<DiscoveryOptions, 'namespaces' | 'origins'>,
): Discovery {
  const handler = new Handler(parts, { ...DISCOVERY_DEFAULTS, ...given });
  const { nodes } = handler.endpoints;
  return Object.assign((request: Request, context: RequestContext) => handler.answer(request, context), {
    operators: (request: Request, context: RequestContext) => handler.answer(request, context, 'operators'),
    checks: () => [nodes.check()],
    stats: () => ({
      ...handler.endpoints.counters,
      ...handler.counters,
      ...handler.refusals(),
      nodes: nodes.knownNodes,
      usableNodes: nodes.usableNodes,
    }),
    refresh: () => nodes.refresh(),
    close: () => nodes.close(),
  });
}

type DiscoveryRouter = Router<Route<Call, Response | Promise<Response>>>;
/** Where a request came. */
type Port = 'clients' | 'operators';

class Handler {
  readonly counters = { refused: 0, rateLimited: 0, internalErrors: 0 };
  readonly endpoints: Endpoints;
  readonly #options: DiscoveryOptions;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #addresses: ClientAddress;
  readonly #admission: Admission;
  readonly #routers: { readonly clients: DiscoveryRouter; readonly operators: DiscoveryRouter };

  constructor(parts: DiscoveryParts, options: DiscoveryOptions) {
    this.#options = options;
    this.#logger = parts.logger;
    this.#clock = parts.clock ?? steadyUnixMs;
    this.#addresses = new ClientAddress(options.trustedProxies);
    this.#admission = new Admission(parts, options);
    this.endpoints = new Endpoints({ ...parts, admission: this.#admission }, options);
    const { endpoints } = this;
    this.#routers = { clients: new Router(endpoints.routes()), operators: new Router(endpoints.operatorsRoutes()) };
  }

  refusals(): Readonly<Record<string, number>> {
    return this.#admission.refusals.stats();
  }

  async answer(request: Request, { remoteAddress }: RequestContext, port: Port = 'clients'): Promise<Response> {
    const origin = request.headers.get('origin') ?? undefined;
    const headers: AnswerHeaders = {};
    let cors: Readonly<Record<string, string>> = corsHeaders(undefined);
    let response: Response;
    try {
      this.#admission.requireOrigin(origin);
      cors = corsHeaders(origin);
      const address = this.#addresses.of(remoteAddress, (name) => request.headers.get(name));
      const { pathname } = this.#urlOf(request);
      const found = this.#routers[port].find(pathname);
      const call = { request, address, peer: remoteAddress, nowMs: this.#clock(), headers };
      response = await this.#serve(call, found, origin);
    } catch (error) {
      response = this.#problem(error, request);
    }
    for (const [name, value] of Object.entries({ ...headers, ...cors })) response.headers.set(name, value);
    return request.method === 'HEAD' ? new Response(null, response) : response;
  }

  #urlOf(request: Request): URL {
    if (request.url.length > this.#options.maxUrlBytes) {
      throw new FanfareError('uri_too_long', `the URL is over ${this.#options.maxUrlBytes} bytes`);
    }
    return new URL(request.url);
  }

  async #serve(call: Call, found: ReturnType<DiscoveryRouter['find']>, origin: string | undefined): Promise<Response> {
    const { method } = call.request;
    if (found === undefined) throw nothingAt(new URL(call.request.url).pathname, 'discovery');
    const { route, params } = found;
    if (method === 'OPTIONS') return new Response(null, { status: 204, headers: optionsHeaders(route, origin) });
    if (!route.methods.includes(method)) call.headers.Allow = allowedMethods(route);
    requireMethod(route, method);
    return route.run(call, params);
  }

  #problem(error: unknown, request: Request): Response {
    const known = error instanceof FanfareError ? error : undefined;
    const isInternal = known === undefined || known.code === 'internal';
    const requestId = hasRequestId(error) ? randomUUID() : undefined;
    const header = (name: string) => request.headers.get(name) ?? undefined;
    this.#admission.refusals.count(error);
    const token = header('authorization')?.slice('Bearer '.length);
    this.#admission.refusals.tell(error, { requestId, origin: header('origin'), token });
    if (isInternal) {
      this.counters.internalErrors++;
      calm(this.#logger).error({ error, requestId, method: request.method }, 'a request failed');
    } else if (known.code === 'rate_limited') this.counters.rateLimited++;
    else this.counters.refused++;
    const { status, headers, body } = problemAnswer(error, requestId);
    const limits = error instanceof RateLimited ? error.headers : {};
    return new Response(body, {
      status,
      headers: { ...headers, ...limits, ...(requestId && { [HEADERS.requestId]: requestId }) },
    });
  }
}
