// `/livez`, `/readyz` and `/metrics`, the same on every process.

import { isLoopback } from '../config/development.js';
import { plainAddress, withoutAddresses } from '../http/address.js';
import { bearerOf, SecretKeys } from '../http/bearer.js';
import { FanfareError } from '../lib/errors.js';
import type { ReadinessCheck } from '../node/node-options.js';
import { HEADERS, MEDIA_TYPES, PATHS } from '../protocol/index.js';
import type { Metrics } from './metrics.js';
import { problemResponse } from './problem-response.js';

export interface ProbesParts {
  checks(): readonly ReadinessCheck[];
  readonly metrics: Metrics;
  /** Of the node that serves here, which `/livez` names; `undefined` on discovery. */
  readonly nodeId?: string;
  /** Bearer key that opens `/metrics` to other machines; `undefined`: loopback only. */
  readonly adminKey: string | undefined;
}

/** Answers a probe, or `undefined` for any other path. `remoteAddress` is the socket's. */
export type Probes = (request: Request, remoteAddress: string) => Promise<Response | undefined>;

export function createProbes(parts: ProbesParts): Probes {
  const answers: Readonly<Record<string, (request: Request, remoteAddress: string) => Response | Promise<Response>>> = {
    [PATHS.livez]: () => json(200, { live: true }, parts.nodeId === undefined ? {} : { [HEADERS.node]: parts.nodeId }),
    [PATHS.readyz]: (request) => readiness(parts.checks(), hasKey(request, parts.adminKey)),
    [PATHS.metrics]: (request, remoteAddress) => metrics(request, remoteAddress, parts),
  };
  return async (request, remoteAddress) => {
    const answer = answers[new URL(request.url).pathname];
    if (answer === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return problemResponse(new FanfareError('method_not_allowed', 'this path takes GET'), { Allow: 'GET, HEAD' });
    }
    return answer(request, remoteAddress);
  };
}

/** Where things are is for operators and for the log. */
function readiness(checks: readonly ReadinessCheck[], toOperator: boolean): Response {
  const ready = checks.every((check) => check.ok);
  const headers: Record<string, string> = ready ? {} : { [HEADERS.retryAfter]: '1' };
  const told = toOperator ? checks : checks.map((check) => ({ ...check, detail: withoutAddresses(check.detail) }));
  return json(ready ? 200 : 503, { ready, checks: told }, headers);
}

async function metrics(request: Request, remoteAddress: string, { adminKey, metrics }: ProbesParts): Promise<Response> {
  if (!isDirectLoopback(request, remoteAddress) && !hasKey(request, adminKey)) {
    return problemResponse(new FanfareError('forbidden', 'metrics are for loopback or the admin key'));
  }
  return new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } });
}

/** A proxy on the same machine is loopback too, and those behind it are not. */
function isDirectLoopback(request: Request, remoteAddress: string): boolean {
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => request.headers.has(name));
  return !forwarded && isLoopback(plainAddress(remoteAddress));
}

function hasKey(request: Request, key: string | undefined): boolean {
  if (key === undefined) return false;
  try {
    const shown = bearerOf(request.headers.get('authorization'));
    return shown !== undefined && new SecretKeys([key]).has(shown);
  } catch {
    // What is no bearer token is no key.
    return false;
  }
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  const all = { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store', ...headers };
  return new Response(JSON.stringify(body), { status, headers: all });
}
