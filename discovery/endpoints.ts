// What discovery does at each of its paths, once a request has been routed.

import { randomBytes } from 'node:crypto';
import type { Identity } from '../src/auth/identity.js';
import type { TicketAuthority } from '../src/auth/ticket.js';
import type { NodeRecord } from '../src/cluster/registry.js';
import { steadyUnixMs } from '../src/lib/clocks.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import {
  type ConnectResponse,
  decodeConnectRequest,
  MEDIA_TYPES,
  type NodeAddress,
  PATHS,
  type TicketResponse,
} from '../src/protocol/index.js';
import { Admission, type AnswerHeaders, requireKey } from './admission.js';
import { NodeDirectory } from './node-directory.js';
import type { DiscoveryOptions, DiscoveryParts } from './options.js';
import { readBody } from './request-body.js';

/** One request on its way. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  readonly address: string;
  /** Of the steady clock. */
  readonly nowMs: number;
  /** Put into the answer, errors included. */
  readonly headers: AnswerHeaders;
}

/** A path's methods, and what answers them; it may throw or reject with a `FanfareError`. */
export interface Route {
  readonly methods: readonly string[];
  run(call: Call): Response | Promise<Response>;
}

const READ = ['GET', 'HEAD'];
const DRAIN_PATH = new RegExp(`^${PATHS.nodes}/([^/]+)/drain$`);

export class Endpoints {
  readonly counters = { connects: 0, renewedTickets: 0, unreserved: 0 };
  readonly nodes: NodeDirectory;
  readonly #options: DiscoveryOptions;
  readonly #tickets: TicketAuthority;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #admission: Admission;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #drain: Route = { methods: ['POST'], run: (call) => this.#requestDrain(call) };

  constructor(parts: DiscoveryParts, options: DiscoveryOptions) {
    const { registry, logger, random = Math.random } = parts;
    const { lastKnownMs, refreshMs } = options;
    this.#options = options;
    this.#tickets = parts.tickets;
    this.#logger = logger;
    this.#clock = parts.clock ?? Date.now;
    this.#random = random;
    this.#admission = new Admission(parts.tokens, options);
    this.nodes = new NodeDirectory({
      registry,
      logger,
      clock: parts.clock ?? steadyUnixMs,
      random,
      lastKnownMs,
      refreshMs,
    });
    const operators: readonly (readonly [string, Route])[] =
      options.adminKey === '' ? [] : [[PATHS.nodes, { methods: READ, run: (call) => this.#listNodes(call) }]];
    this.#routes = new Map<string, Route>([
      [PATHS.connect, { methods: ['POST'], run: (call) => this.#connect(call) }],
      [PATHS.ticket, { methods: ['POST'], run: (call) => this.#renew(call) }],
      [PATHS.livez, { methods: READ, run: () => json(200, { live: true }) }],
      [PATHS.readyz, { methods: READ, run: () => this.#readiness() }],
      ...operators,
    ]);
  }

  /** What answers at `pathname`, if anything does. */
  routeOf(pathname: string): Route | undefined {
    const isDrain = this.#options.adminKey !== '' && DRAIN_PATH.test(pathname);
    return this.#routes.get(pathname) ?? (isDrain ? this.#drain : undefined);
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
