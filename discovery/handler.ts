// Discovery: authenticates a client, assigns it the least loaded node, and gives it a ticket.

import { randomBytes, randomUUID } from 'node:crypto';
import type { Identity } from '../src/auth/identity.js';
import type { TicketAuthority } from '../src/auth/ticket.js';
import type { NodeRecord } from '../src/cluster/registry.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import { corsHeaders, preflightHeaders } from '../src/lib/origins.js';
import { problemAnswer } from '../src/lib/problem.js';
import {
  type ConnectResponse,
  decodeConnectRequest,
  HEADERS,
  MEDIA_TYPES,
  type NodeAddress,
  PATHS,
  type TicketResponse,
} from '../src/protocol/index.js';
import { Admission, type AnswerHeaders, requireKey } from './admission.js';
import { ClientAddress } from './client-address.js';
import { NodeDirectory } from './node-directory.js';
import { DISCOVERY_DEFAULTS, type DiscoveryCheck, type DiscoveryOptions, type DiscoveryParts } from './options.js';
import { readBody } from './request-body.js';

export interface RequestContext {
  /** The socket's address. */
  readonly remoteAddress: string;
}

/** Answers a request. Never rejects: what goes wrong inside is logged and answered with 500. */
export interface Discovery {
  (request: Request, context: RequestContext): Promise<Response>;
  /** What readiness depends on. */
  checks(): readonly DiscoveryCheck[];
  /** Plain counters for metrics. */
  stats(): Readonly<Record<string, number>>;
  /** Ends its timer. Idempotent. */
  close(): void;
}

/** One request on its way. */
interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly address: string;
  readonly nowMs: number;
  /** Put into the answer, errors included. */
  readonly headers: AnswerHeaders;
}

interface Route {
  readonly methods: readonly string[];
  run(call: Call): Response | Promise<Response>;
}

/** Makes discovery. Throws `TypeError` for a trusted proxy that is no address. */
export function createDiscovery(
  parts: DiscoveryParts,
  given: Partial<DiscoveryOptions> & Pick<DiscoveryOptions, 'namespaces' | 'origins'>,
): Discovery {
  const handler = new Handler(parts, { ...DISCOVERY_DEFAULTS, ...given });
  return Object.assign((request: Request, context: RequestContext) => handler.answer(request, context), {
    checks: () => [handler.nodes.check()],
    stats: () => ({ ...handler.counters, nodes: handler.nodes.knownNodes }),
    close: () => handler.nodes.close(),
  });
}

class Handler {
  readonly counters = { connects: 0, renewedTickets: 0, unreserved: 0, refused: 0, rateLimited: 0, internalErrors: 0 };
  readonly nodes: NodeDirectory;
  readonly #options: DiscoveryOptions;
  readonly #tickets: TicketAuthority;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #admission: Admission;
  readonly #addresses: ClientAddress;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #drain: Route = { methods: ['POST'], run: (call) => this.#requestDrain(call) };

  constructor(parts: DiscoveryParts, options: DiscoveryOptions) {
    const { registry, logger, clock = Date.now, random = Math.random } = parts;
    const { lastKnownMs, refreshMs } = options;
    this.#options = options;
    this.#tickets = parts.tickets;
    this.#logger = logger;
    this.#clock = clock;
    this.#random = random;
    this.#admission = new Admission(parts.tokens, options);
    this.#addresses = new ClientAddress(options.trustedProxies);
    this.nodes = new NodeDirectory({ registry, logger, clock, random, lastKnownMs, refreshMs });
    const read = ['GET', 'HEAD'];
    this.#routes = new Map<string, Route>([
      [PATHS.connect, { methods: ['POST'], run: (call) => this.#connect(call) }],
      [PATHS.ticket, { methods: ['POST'], run: (call) => this.#renew(call) }],
      [PATHS.nodes, { methods: read, run: (call) => this.#listNodes(call) }],
      [PATHS.livez, { methods: read, run: () => json(200, { live: true }) }],
      [PATHS.readyz, { methods: read, run: () => this.#readiness() }],
    ]);
  }

  async answer(request: Request, { remoteAddress }: RequestContext): Promise<Response> {
    const origin = request.headers.get('origin') ?? undefined;
    const headers: AnswerHeaders = {};
    let cors: Readonly<Record<string, string>> = corsHeaders(undefined);
    let response: Response;
    try {
      if (!this.#options.origins.allows(origin)) {
        throw new FanfareError('origin_denied', 'Origin: not on the allow-list');
      }
      cors = corsHeaders(origin);
      const address = this.#addresses.of(remoteAddress, request.headers.get('x-forwarded-for'));
      const url = this.#urlOf(request);
      response = await this.#route({ request, url, address, nowMs: this.#clock(), headers }, origin);
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

  async #route(call: Call, origin: string | undefined): Promise<Response> {
    const { method } = call.request;
    const { pathname } = call.url;
    const route = this.#routes.get(pathname) ?? (isDrainPath(pathname) ? this.#drain : undefined);
    if (route === undefined || (this.#isOperators(pathname) && this.#options.adminKey === '')) {
      throw new FanfareError('not_found', 'there is nothing at this path');
    }
    const allow = [...route.methods, 'OPTIONS'].join(', ');
    if (method === 'OPTIONS') {
      const headers = origin === undefined ? {} : preflightHeaders(origin, route.methods.join(', '));
      return new Response(null, { status: 204, headers: { Allow: allow, ...headers } });
    }
    if (!route.methods.includes(method)) {
      call.headers.Allow = allow;
      throw new FanfareError('method_not_allowed', `this path takes ${route.methods.join(' and ')}`);
    }
    return route.run(call);
  }

  async #connect(call: Call): Promise<Response> {
    const identity = await this.#admit(call);
    const decoded = decodeConnectRequest(await readBody(call.request, this.#options.maxBodyBytes));
    if (!decoded.ok) throw new FanfareError(decoded.problem.code, decoded.problem.message);
    const transports = this.#options.transports.filter((one) => decoded.value.transports.includes(one));
    if (transports.length === 0) throw new FanfareError('bad_field', '"transports": none of them is served here');
    const place = await this.nodes.place(decoded.value.exclude);
    if (place.reservation === undefined) this.counters.unreserved++;
    const body: ConnectResponse = {
      node: addressOf(place.node),
      alternatives: shuffle(place.alternatives, this.#random).map(addressOf),
      ...this.#ticketFor(identity, place.reservation),
      transports,
    };
    this.counters.connects++;
    return json(200, body);
  }

  async #renew(call: Call): Promise<Response> {
    const body: TicketResponse = this.#ticketFor(await this.#admit(call), undefined);
    this.counters.renewedTickets++;
    return json(200, body);
  }

  #admit({ request, address, nowMs, headers }: Call): Promise<Identity> {
    return this.#admission.admit(request.headers.get('authorization'), address, nowMs, headers);
  }

  #ticketFor(identity: Identity, reservation: string | undefined): TicketResponse {
    const connection = randomBytes(12).toString('base64url');
    const maxLifeMs = this.#options.ticketLifeMs;
    const { text, expiresAtMs } = this.#tickets.sign(identity, { connection, reservation, maxLifeMs });
    return { ticket: text, expiresInMs: Math.max(0, Math.floor(expiresAtMs - this.#clock())) };
  }

  async #listNodes({ request }: Call): Promise<Response> {
    requireKey(request.headers.get('authorization'), this.#options.adminKey);
    return json(200, { nodes: await this.nodes.list() });
  }

  async #requestDrain({ request, url }: Call): Promise<Response> {
    requireKey(request.headers.get('authorization'), this.#options.adminKey);
    const id = drainedNode(url.pathname);
    if (!(await this.nodes.requestDrain(id))) throw new FanfareError('not_found', 'there is no such node');
    this.#logger.info({ node: id }, 'asked a node to drain');
    return json(202, { id, draining: true });
  }

  #readiness(): Response {
    const check = this.nodes.check();
    return json(check.ok ? 200 : 503, { ready: check.ok, checks: [check] });
  }

  #isOperators(pathname: string): boolean {
    return pathname === PATHS.nodes || pathname.startsWith(`${PATHS.nodes}/`);
  }

  #problem(error: unknown, request: Request): Response {
    const known = error instanceof FanfareError ? error : undefined;
    const isInternal = known === undefined || known.code === 'internal';
    const requestId = isInternal ? randomUUID() : undefined;
    if (isInternal) {
      this.counters.internalErrors++;
      this.#logger.error({ error, requestId, method: request.method }, 'a request failed');
    } else if (known.code === 'rate_limited') this.counters.rateLimited++;
    else this.counters.refused++;
    const { status, headers, body } = problemAnswer(error, requestId);
    return new Response(body, {
      status,
      headers: { ...headers, ...(requestId && { [HEADERS.requestId]: requestId }) },
    });
  }
}

const DRAIN_PATH = new RegExp(`^${PATHS.nodes}/([^/]+)/drain$`);

function isDrainPath(pathname: string): boolean {
  return DRAIN_PATH.test(pathname);
}

function drainedNode(pathname: string): string {
  try {
    return decodeURIComponent(DRAIN_PATH.exec(pathname)?.[1] ?? '');
  } catch (cause) {
    throw new FanfareError('bad_encoding', "the node's id is not well-formed percent-encoding", { cause });
  }
}

function addressOf({ id, url }: NodeRecord): NodeAddress {
  return { id, url };
}

/** Fisher and Yates. */
function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const shuffled: T[] = [];
  for (const item of items) {
    const at = Math.floor(random() * (shuffled.length + 1));
    shuffled.push(...shuffled.splice(at, 1, item));
  }
  return shuffled;
}

function json(status: number, body: object): Response {
  const headers = { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store' };
  return new Response(JSON.stringify(body), { status, headers });
}
