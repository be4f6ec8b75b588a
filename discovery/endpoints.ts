// What discovery does at each of its paths, once a request has been routed.

import type { Identity } from '../src/auth/identity.js';
import { sessionId } from '../src/auth/session-id.js';
import type { TicketAuthority } from '../src/auth/ticket.js';
import type { NamedNode } from '../src/cluster/registry.js';
import type { Route } from '../src/http/router.js';
import { steadyUnixMs } from '../src/lib/clocks.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import {
  type ConnectResponse,
  type Decoded,
  decodeConnectRequest,
  decodeTicketRequest,
  type NodeAddress,
  PATHS,
  type TicketResponse,
} from '../src/protocol/index.js';
import type { Admission } from './admission.js';
import type { Call } from './call.js';
import { Members } from './members.js';
import { type ListedNode, NodeDirectory } from './node-directory.js';
import { jsonAnswer, Operators } from './operators.js';
import type { DiscoveryOptions, DiscoveryParts } from './options.js';
import { readDecoded } from './request-body.js';
import { RevocationEndpoints } from './revocation-endpoints.js';

const READ = ['GET', 'HEAD'];

export type DiscoveryRoute = Route<Call, Response | Promise<Response>>;

export class Endpoints {
  readonly counters = { connects: 0, renewedTickets: 0, unreserved: 0 };
  readonly nodes: NodeDirectory;
  readonly #options: DiscoveryOptions;
  readonly #tickets: TicketAuthority;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #admission: Admission;
  readonly #members: Members;
  readonly #operators: Operators;
  readonly #revocations: RevocationEndpoints | undefined;
  readonly #cache: Pick<ConnectResponse, 'cache'>;

  constructor(parts: DiscoveryParts & { readonly admission: Admission }, options: DiscoveryOptions) {
    const { registry, logger, random = Math.random } = parts;
    const { lastKnownMs, refreshMs } = options;
    this.#options = options;
    this.#cache = cacheOf(options);
    this.#tickets = parts.tickets;
    this.#logger = logger;
    this.#clock = parts.clock ?? Date.now;
    this.#random = random;
    this.#admission = parts.admission;
    const operators = new Operators(options.adminKeys);
    this.#operators = operators;
    const { maxBodyBytes } = options;
    const { revocations } = parts;
    this.#revocations =
      revocations && new RevocationEndpoints({ log: revocations.log, revocations, operators, logger, maxBodyBytes });
    this.#members = new Members(parts.membership, logger);
    this.nodes = new NodeDirectory({
      registry,
      members: this.#members,
      logger,
      clock: parts.clock ?? steadyUnixMs,
      random,
      lastKnownMs,
      refreshMs,
    });
  }

  /** What answers where on the port of clients; operators' paths are there only with a key for them. */
  routes(): readonly DiscoveryRoute[] {
    const { adminKeys, isApart } = this.#options;
    const isListed = adminKeys.length > 0 && !isApart;
    return [
      { methods: ['POST'], pattern: PATHS.connect, run: (call) => this.#connect(call) },
      { methods: ['POST'], pattern: PATHS.ticket, run: (call) => this.#renew(call) },
      ...(isListed ? [this.#list()] : []),
      ...this.#administration(),
    ];
  }

  /** The same on the port of operators. */
  operatorsRoutes(): readonly DiscoveryRoute[] {
    return [this.#list(), ...this.#administration()];
  }

  #list(): DiscoveryRoute {
    return { methods: READ, pattern: PATHS.nodes, run: (call) => this.#listNodes(call) };
  }

  /** What changes something, or tells of users: with a key alone. */
  #administration(): readonly DiscoveryRoute[] {
    if (this.#options.adminKeys.length === 0) return [];
    const pattern = `${PATHS.nodes}/:id/drain`;
    const drain: DiscoveryRoute = {
      methods: ['POST'],
      pattern,
      run: (call, { id = '' }) => this.#requestDrain(call, id),
    };
    return [drain, ...(this.#revocations?.routes() ?? [])];
  }

  async #connect(call: Call): Promise<Response> {
    const identity = await this.#admit(call);
    const wanted = await this.#read(call, decodeConnectRequest);
    const transports = this.#options.transports.filter((one) => wanted.transports.includes(one));
    if (transports.length === 0) throw new FanfareError('bad_field', '"transports": none of them is served here');
    const asker = this.#admission.askerOf(identity, call.address, call.nowMs);
    const place = await this.nodes.place(wanted.exclude, asker);
    if (place.reservation === undefined) this.counters.unreserved++;
    const body: ConnectResponse = {
      node: addressOf(place.node),
      alternatives: shuffle(place.alternatives, this.#random).map(addressOf),
      ...this.#ticketFor(identity, wanted.session, place.reservation),
      transports,
      ...this.#cache,
    };
    this.counters.connects++;
    return jsonAnswer(200, body);
  }

  async #renew(call: Call): Promise<Response> {
    const identity = await this.#admit(call);
    const { session } = await this.#read(call, decodeTicketRequest);
    const body: TicketResponse = this.#ticketFor(identity, session, undefined);
    this.counters.renewedTickets++;
    return jsonAnswer(200, body);
  }

  #admit({ request, address, nowMs, headers }: Call): Promise<Identity> {
    return this.#admission.admit(request.headers.get('authorization'), address, nowMs, headers);
  }

  #read<T>({ request }: Call, decode: (body: string) => Decoded<T>): Promise<T> {
    return readDecoded(request, this.#options.maxBodyBytes, decode);
  }

  #ticketFor(identity: Identity, session: string | undefined, reservation: string | undefined): TicketResponse {
    const connection = sessionId(session, identity.user);
    const maxLifeMs = this.#options.ticketLifeMs;
    const { text, expiresAtMs } = this.#tickets.sign(identity, { connection, reservation, maxLifeMs });
    return {
      ticket: text,
      expiresInMs: Math.max(0, Math.floor(expiresAtMs - this.#clock())),
      connection: `c-${connection}`,
      user: identity.user,
    };
  }

  async #listNodes({ request, peer }: Call): Promise<Response> {
    this.#operators.requireLook(request, peer);
    const nodes = await this.nodes.list();
    return jsonAnswer(200, { nodes: nodes.map((node) => this.#described(node)) });
  }

  /** What a node says of itself stands there unproved where `problem` is `foreign_secret`. */
  #described({ record, problem }: ListedNode): object {
    const { id, url, state, connections, reservations, capacity, reportAgeMs } = record;
    const claim = this.#members.claimOf(record);
    const said = claim && {
      version: claim.version,
      engine: claim.engine,
      startedAtMs: claim.startedAtMs,
      secrets: claim.fingerprints,
      ...(claim.why !== undefined && { why: claim.why }),
    };
    return {
      ...{ id, url, state, connections, reservations, capacity, reportAgeMs, ...said },
      ...(problem !== undefined && { problem }),
    };
  }

  async #requestDrain({ request }: Call, id: string): Promise<Response> {
    this.#operators.require(request);
    if (!(await this.nodes.requestDrain(id))) throw new FanfareError('not_found', 'there is no such node');
    this.#logger.info({ node: id }, 'asked a node to drain');
    return jsonAnswer(202, { id, draining: true });
  }
}

function addressOf({ id, url, features = [] }: NamedNode): NodeAddress {
  return { id, url, features };
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

/** What is public, where a cache serves it. */
function cacheOf({ channelsUrl: url, namespaces }: DiscoveryOptions): Pick<ConnectResponse, 'cache'> {
  const open = [...namespaces.all].filter(([, options]) => options.public).map(([name]) => name);
  return url === undefined || open.length === 0 ? {} : { cache: { url, namespaces: open } };
}
