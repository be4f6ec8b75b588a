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
  /** Bearer keys that open `/metrics`; `undefined`: open to this machine alone. */
  readonly adminKey: readonly string[] | undefined;
}

/** Answers a probe, or `undefined` for any other path. `remoteAddress` is the socket's. */
export type Probes = (request: Request, remoteAddress: string) => Promise<Response | undefined>;

export function createProbes(parts: ProbesParts): Probes {
  const answers: Readonly<Record<string, (request: Request, remoteAddress: string) => Response | Promise<Response>>> = {
    [PATHS.livez]: () =>
      json(200, { live: true, timeMs: Date.now() }, parts.nodeId === undefined ? {} : { [HEADERS.node]: parts.nodeId }),
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
  const isOpen = adminKey === undefined ? isDirectLoopback(request, remoteAddress) : hasKey(request, adminKey);
  if (!isOpen) {
    const who = adminKey === undefined ? 'loopback' : 'the admin key';
    return problemResponse(new FanfareError('forbidden', `metrics are for ${who} only`));
  }
  return new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } });
}

/** What proxies add. */
const FORWARDING =
  /^(forwarded|via|x-forwarded-.*|x-real-ip|x-original-.*|x-client-ip|cf-connecting-ip|true-client-ip)$/;

/** A proxy on the same machine is loopback too, and those behind it are not; neither is a page that another name led here. */
function isDirectLoopback({ headers }: Request, remoteAddress: string): boolean {
  if ([...headers.keys()].some((name) => FORWARDING.test(name))) return false;
  return isLoopback(plainAddress(remoteAddress)) && isLoopback(hostName(headers.get('host') ?? ''));
}

/** A Host header without its port and brackets. */
function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

function hasKey(request: Request, keys: readonly string[] | undefined): boolean {
  if (keys === undefined) return false;
  try {
    const shown = bearerOf(request.headers.get('authorization'));
    return shown !== undefined && new SecretKeys(keys).has(shown);
  } catch {
    // What is no bearer token is no key.
    return false;
  }
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  const all = { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store', ...headers };
  return new Response(JSON.stringify(body), { status, headers: all });
}
