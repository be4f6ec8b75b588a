// What backends ask of revocations: to revoke, to list, to withdraw, and to end a user's links.

import { setTimeout as pause } from 'node:timers/promises';
import type { Revocation, RevocationOrder } from '../src/cluster/revocation.js';
import { ANY_EPOCH, DISCONNECT_LIFE_MS, type LogPosition, type RevocationLog } from '../src/cluster/revocation-log.js';
import type { Revocations } from '../src/cluster/revocations.js';
import type { Route } from '../src/http/router.js';
import { monotonicNowMs } from '../src/lib/clocks.js';
import { FanfareError } from '../src/lib/errors.js';
import type { Logger } from '../src/lib/logger.js';
import {
  decodeDisconnectRequest,
  decodeRevocationRequest,
  type ListedRevocation,
  PATHS,
  type RevocationRequest,
  type RevocationResponse,
  type RevocationsResponse,
  userNameProblem,
} from '../src/protocol/index.js';
import type { Call } from './call.js';
import { jsonAnswer, type Operators } from './operators.js';
import { readDecoded } from './request-body.js';

/** Specified: how long a call waits until every live member has it in force. */
const EVERYWHERE_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 25;
/** The longest life of a token, and what clocks may differ by, twice. */
const LIFE_MS = 24 * 3_600_000 + 10_000;
const PAGE = { default: 100, most: 1_000 } as const;

export interface RevocationEndpointsParts {
  readonly log: RevocationLog;
  /** Of this process. */
  readonly revocations: Pick<Revocations, 'readNow'>;
  readonly operators: Operators;
  readonly logger: Logger;
  readonly maxBodyBytes: number;
}

export class RevocationEndpoints {
  readonly #parts: RevocationEndpointsParts;

  constructor(parts: RevocationEndpointsParts) {
    this.#parts = parts;
  }

  routes(): readonly Route<Call, Promise<Response>>[] {
    return [
      {
        methods: ['POST', 'GET', 'HEAD'],
        pattern: PATHS.revocations,
        run: (call) => (call.request.method === 'POST' ? this.#revoke(call) : this.#list(call)),
      },
      {
        methods: ['DELETE'],
        pattern: `${PATHS.revocations}/:id`,
        run: (call, { id = '' }) => this.#withdraw(call, id),
      },
      {
        methods: ['POST'],
        pattern: `${PATHS.users}/:sub/disconnect`,
        run: (call, { sub = '' }) => this.#disconnectAt(call, sub),
      },
      { methods: ['POST'], pattern: PATHS.disconnect, run: (call) => this.#disconnectNamed(call) },
    ];
  }

  async #revoke({ request }: Call): Promise<Response> {
    const { operators, log, logger, maxBodyBytes } = this.#parts;
    operators.require(request);
    const stored = await log.add(orderOf(await readDecoded(request, maxBodyBytes, decodeRevocationRequest)));
    const { id, kind } = stored.revocation;
    const pending = await this.#everywhere(stored);
    logger.info({ id, kind, ...(pending !== undefined && { pending }) }, 'a backend has revoked tokens');
    const { revision } = stored;
    const body: RevocationResponse = { id, revision, ...(pending !== undefined && { pending }) };
    return jsonAnswer(pending === undefined ? 201 : 202, body);
  }

  async #list({ request }: Call): Promise<Response> {
    const { operators, log } = this.#parts;
    operators.require(request);
    const query = new URL(request.url).searchParams;
    const revision = numberOf(query, 'after', 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const limit = numberOf(query, 'limit', 1, PAGE.most) ?? PAGE.default;
    const page = await log.read({ epoch: ANY_EPOCH, revision }, limit);
    const listed = page.entries.filter(({ kind, withdrawnAtMs }) => kind !== 'disconnect' && withdrawnAtMs === 0);
    const next = page.more ? { next: String(page.position.revision) } : {};
    const body: RevocationsResponse = { revocations: listed.map(describe), ...next };
    return jsonAnswer(200, body);
  }

  async #withdraw({ request }: Call, id: string): Promise<Response> {
    const { operators, log, logger } = this.#parts;
    operators.require(request);
    const position = await log.withdraw(id);
    if (position === undefined) throw new FanfareError('not_found', 'there is no such revocation');
    logger.info({ id }, 'a backend has withdrawn a revocation');
    await this.#everywhere(position);
    return new Response(null, { status: 204 });
  }

  #disconnectAt({ request }: Call, sub: string): Promise<Response> {
    this.#parts.operators.require(request);
    const problem = userNameProblem(sub);
    if (problem !== undefined) throw new FanfareError('bad_field', problem);
    return this.#disconnect(sub);
  }

  /** The name in a body, since a path cannot end in `..`. */
  async #disconnectNamed({ request }: Call): Promise<Response> {
    const { operators, maxBodyBytes } = this.#parts;
    operators.require(request);
    return this.#disconnect(await readDecoded(request, maxBodyBytes, decodeDisconnectRequest));
  }

  async #disconnect(sub: string): Promise<Response> {
    const { log, revocations } = this.#parts;
    await log.add({ kind: 'disconnect', name: sub, lifeMs: DISCONNECT_LIFE_MS });
    await revocations.readNow();
    return jsonAnswer(202, { sub, disconnecting: true });
  }

  /** Resolves with nothing once it is in force in every live member; in time with the names of those in which it may not be. */
  async #everywhere(position: LogPosition): Promise<readonly string[] | undefined> {
    const { log, revocations } = this.#parts;
    const untilMs = monotonicNowMs() + EVERYWHERE_WITHIN_MS;
    let pending: readonly string[] = [];
    try {
      for (;;) {
        await revocations.readNow();
        pending = await log.behind(position);
        if (pending.length === 0) return undefined;
        if (monotonicNowMs() >= untilMs) return pending;
        await pause(LOOK_EVERY_MS);
      }
    } catch (error) {
      if (!(error instanceof FanfareError)) throw error;
      // It is stored; of whom it is in force nobody can say now.
      return pending;
    }
  }
}

function orderOf(request: RevocationRequest): RevocationOrder {
  const { jti, sub, ban, issuedBefore, reason, expiresInMs: lifeMs = LIFE_MS } = request;
  const terms = { lifeMs, ...(reason !== undefined && { reason }) };
  if (jti !== undefined) return { kind: 'token', name: jti, ...terms };
  if (sub !== undefined) return { kind: ban ? 'ban' : 'logout', name: sub, ...terms };
  return { kind: 'before', name: '', issuedBefore: issuedBefore ?? 0, ...terms };
}

function describe(revocation: Revocation): ListedRevocation {
  const { id, kind, name, issuedBefore, reason, createdAtMs, expiresAtMs } = revocation;
  return {
    id,
    ...(kind === 'token' && { jti: name }),
    ...((kind === 'logout' || kind === 'ban') && { sub: name }),
    ...(kind === 'ban' && { ban: true }),
    ...((kind === 'logout' || kind === 'before') && { issuedBefore }),
    ...(reason !== '' && { reason }),
    createdAt: Math.floor(createdAtMs / 1000),
    expiresAt: Math.ceil(expiresAtMs / 1000),
  };
}

/** Throws `bad_parameter`. */
function numberOf(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const [text, more] = query.getAll(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (more === undefined && value >= least && value <= most) return value;
  throw new FanfareError('bad_parameter', `"${name}": expected one whole number from ${least} to ${most}`);
}
