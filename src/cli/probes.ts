// `/livez`, `/readyz` and `/metrics`, the same on every process.

import { withoutAddresses } from '../http/address.js';
import type { OperatorDoor } from '../http/operator-door.js';
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
  readonly door: OperatorDoor;
  /** Whether operators have a port of their own. */
  readonly isApart: boolean;
}

/** Answers a probe, or `undefined` for any other path. `remoteAddress` is the socket's. */
export type Probe = (request: Request, remoteAddress: string) => Promise<Response | undefined>;

/** What the port of clients answers, and what that of operators does. */
export interface Probes {
  readonly clients: Probe;
  readonly operators: Probe;
}

type Answer = (request: Request, remoteAddress: string) => Response | Promise<Response>;

export function createProbes(parts: ProbesParts): Probes {
  const { door, nodeId, isApart } = parts;
  const named: Record<string, string> = nodeId === undefined ? {} : { [HEADERS.node]: nodeId };
  const livez: Answer = () => json(200, { live: true, timeMs: Date.now() }, named);
  const metrics: Answer = (request, remoteAddress) => answerMetrics(parts, door.mayLook(request, remoteAddress));
  const details = (isOperator: boolean) =>
    readiness(parts.checks(), isOperator ? asItIs : (check) => ({ ...check, detail: withoutAddresses(check.detail) }));
  const apart = {
    [PATHS.livez]: livez,
    [PATHS.readyz]: () => readiness(parts.checks(), ({ name, ok }) => ({ name, ok })),
  };
  const together = {
    [PATHS.livez]: livez,
    [PATHS.readyz]: (request: Request) => details(door.hasKey(request)),
    [PATHS.metrics]: metrics,
  };
  const operators = {
    ...together,
    [PATHS.readyz]: (request: Request, remoteAddress: string) => details(door.mayLook(request, remoteAddress)),
  };
  return { clients: probeOf(isApart ? apart : together), operators: probeOf(operators) };
}

function probeOf(answers: Readonly<Record<string, Answer>>): Probe {
  return async (request, remoteAddress) => {
    const answer = answers[new URL(request.url).pathname];
    if (answer === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return problemResponse(new FanfareError('method_not_allowed', 'this path takes GET'), { Allow: 'GET, HEAD' });
    }
    return answer(request, remoteAddress);
  };
}

const asItIs = (check: ReadinessCheck): object => check;

/** Where things are is for operators and for the log. */
function readiness(checks: readonly ReadinessCheck[], told: (check: ReadinessCheck) => object): Response {
  const ready = checks.every((check) => check.ok);
  const headers: Record<string, string> = ready ? {} : { [HEADERS.retryAfter]: '1' };
  return json(ready ? 200 : 503, { ready, checks: checks.map(told) }, headers);
}

async function answerMetrics({ door, metrics }: ProbesParts, mayLook: boolean): Promise<Response> {
  if (!mayLook) return problemResponse(new FanfareError('forbidden', `metrics are for ${door.who} only`));
  return new Response(await metrics.text(), { headers: { 'Content-Type': metrics.contentType } });
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  const all = { 'Content-Type': MEDIA_TYPES.json, 'Cache-Control': 'no-store', ...headers };
  return new Response(JSON.stringify(body), { status, headers: all });
}
