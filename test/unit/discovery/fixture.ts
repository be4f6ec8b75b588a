// Discovery put together for tests: real tokens, tickets and registry, a clock and dice that tests hold.

import { afterEach, expect } from 'vitest';
import { createDiscovery } from '../../../discovery/handler.js';
import type { DiscoveryOptions } from '../../../discovery/options.js';
import { Membership } from '../../../src/auth/membership.js';
import { revocable } from '../../../src/auth/revocable.js';
import { createTicketAuthority } from '../../../src/auth/ticket.js';
import { signToken } from '../../../src/auth/token-signer.js';
import { createTokenVerifier } from '../../../src/auth/token-verifier.js';
import { createMemoryRegistry } from '../../../src/cluster/memory-registry.js';
import { createMemoryRevocations } from '../../../src/cluster/memory-revocations.js';
import type { NodeRecord, NodeReport, Registry } from '../../../src/cluster/registry.js';
import { Revocations } from '../../../src/cluster/revocations.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { Origins } from '../../../src/http/origins.js';
import { FanfareError } from '../../../src/lib/errors.js';
import { type Logger, silentLogger } from '../../../src/lib/logger.js';
import type { ConnectResponse, Problem } from '../../../src/protocol/index.js';
import { node } from '../cluster/test-cluster.js';

export const SECRET = 'a test secret of more than thirty-two bytes';
export const ORIGIN = 'https://app.example.com';
const START_MS = 1_800_000_000_000;

/** A report with the proof of whoever knows these secrets, unless it has one already. */
export function member(report: NodeReport, timeMs: number, secrets: readonly string[] = [SECRET]): NodeReport {
  if (report.proof !== '') return report;
  const facts = { timeMs, version: '0.1.0', engine: 'uws', startedAtMs: timeMs };
  return { ...report, proof: new Membership(secrets).prove(report, facts) };
}

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

interface State {
  nowMs: number;
  dice: number;
  away: boolean;
  /** Why nothing can be written, while the registry is read. */
  refusal: Error | undefined;
  hangs: Promise<void> | undefined;
  calls: number;
}

const open: Fixture[] = [];
afterEach(() => {
  for (const { discovery, revocations } of open.splice(0)) {
    discovery.close();
    void revocations.close();
  }
});

/** Closed after the test. `nodes` have reported before discovery begins. */
export async function fixture(...args: Parameters<typeof create>): Promise<Fixture> {
  const made = await create(...args);
  open.push(made);
  return made;
}

async function create(changes: Partial<DiscoveryOptions> = {}, nodes: readonly NodeReport[] = []) {
  /** `hangs` is waited for by each call of the registry, of which `calls` counts assignments. */
  const state: State = { nowMs: START_MS, dice: 0.5, away: false, refusal: undefined, hangs: undefined, calls: 0 };
  const clock = () => state.nowMs;
  const inner = createMemoryRegistry({ clock });
  const registry = faulty(inner, state);
  for (const one of nodes) await inner.report(member(one, state.nowMs));
  const log: LogLine[] = [];
  const write = (level: string) => (fields: object, message: string) => void log.push({ level, fields, message });
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const tickets = createTicketAuthority({ secrets: [SECRET], audience: 'test', clock });
  const verifier = createTokenVerifier({ issuers: [{ secret: SECRET }], clock, logger });
  const revocations = revocationsOf(clock);
  await revocations.start();
  const tokens = revocable(verifier, revocations);
  const options = { namespaces: new Namespaces(), origins: new Origins([ORIGIN]), ...changes };
  const membership = new Membership([SECRET]);
  const parts = { registry, tickets, tokens, membership, revocations, logger, clock, random: () => state.dice };
  const discovery = createDiscovery(parts, options);
  // Discovery asks for the nodes as it begins; a registry in memory answers within this turn.
  await new Promise(setImmediate);

  return {
    state,
    registry,
    revocations,
    tickets,
    log,
    discovery,
    /** Of a member, unless `more` has another proof. */
    report: (id: string, more: Parameters<typeof node>[1] = {}) => registry.report(member(node(id, more), state.nowMs)),
    token: (subject = 'u1', lifetimeMs = 3_600_000) =>
      signToken({ secret: SECRET, subject, grants: { subscribe: ['news'] }, lifetimeMs, clock }),
    /** `path`, with `POST` unless told, from 10.0.0.1. */
    ask(path: string, init: RequestInit & { readonly from?: string } = {}): Promise<Response> {
      const { from: remoteAddress = '10.0.0.1', ...rest } = init;
      return discovery(new Request(`http://localhost${path}`, { method: 'POST', ...rest }), { remoteAddress });
    },
    async connect(body?: object, headers: Record<string, string> = {}): Promise<Response> {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      const type: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
      const authorization = { Authorization: `Bearer ${await this.token()}` };
      return this.ask('/v1/connect', { ...json, headers: { ...authorization, ...type, ...headers } });
    },
  };
}

/** `inner`, with what `state` says of it. */
function faulty(inner: Registry, state: State): Registry {
  const reachable = async () => {
    await state.hangs;
    if (state.away) throw new FanfareError('broker_unavailable', 'Redis cannot be reached');
    return inner;
  };
  /** Of when something could be written last. */
  let listed: readonly NodeRecord[] = [];
  return {
    report: async (report) => (await reachable()).report(report),
    assign: async (exclude, allowed, asker) => {
      state.calls++;
      if (state.refusal !== undefined) throw state.refusal;
      return (await reachable()).assign(exclude, allowed, asker);
    },
    list: async (signer) => {
      if (state.refusal === undefined) listed = await (await reachable()).list(signer);
      return listed;
    },
    get refusal() {
      return state.refusal;
    },
    requestDrain: async (id) => (await reachable()).requestDrain(id),
    remove: async (id, incarnation) => (await reachable()).remove(id, incarnation),
  };
}

function revocationsOf(clock: () => number): Revocations {
  const log = createMemoryRevocations(clock);
  return new Revocations({ log, member: 'd1', falsePositives: 0.001, logger: silentLogger });
}

export type Fixture = Awaited<ReturnType<typeof create>>;

export const problem = async (response: Response) => (await response.json()) as Problem;
export const connected = async (response: Response) => (await response.json()) as ConnectResponse;

/** Status and code of a problem. */
export async function refusal(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const body = await problem(response);
  expect(body.status).toBe(response.status);
  return `${response.status} ${body.code}`;
}
