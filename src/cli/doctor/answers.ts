// Reads what processes of ours answer: whatever has another shape says nothing.

import type { Answer } from './ask.js';

/** One of `checks` at `/readyz`. */
export interface ProcessCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** A node as discovery names it. */
export interface FoundNode {
  readonly id: string;
  readonly url: string;
  /** As operators are told it. */
  readonly state?: string;
  readonly problem?: string;
  readonly capacity?: number;
}

export function checksIn({ json }: Answer): readonly ProcessCheck[] {
  return recordsIn(json.checks).map(({ name, ok, detail }) => ({
    name: String(name),
    ok: ok !== false,
    detail: typeof detail === 'string' ? detail : '',
  }));
}

/** Of `GET /v1/nodes`, or of the answer to a client: its node and the alternatives. */
export function nodesIn({ json }: Answer): readonly FoundNode[] {
  return [...recordsIn(json.nodes), ...recordsIn([json.node]), ...recordsIn(json.alternatives)].flatMap((node) => {
    const { id, url, state, problem, capacity } = node;
    if (typeof id !== 'string' || typeof url !== 'string' || !/^https?:\/\//.test(url)) return [];
    const told = {
      ...(typeof state === 'string' && { state }),
      ...(typeof problem === 'string' && { problem }),
      ...(typeof capacity === 'number' && { capacity }),
    };
    return [{ id, url: url.replace(/\/+$/, ''), ...told }];
  });
}

/** What `/livez` says of the process's clock: against ours, with half of the way there and back as what is uncertain. */
export function clockOf({ json }: Answer, sentMs: number): { aheadMs: number; uncertainMs: number } | undefined {
  if (typeof json.timeMs !== 'number') return undefined;
  const uncertainMs = (Date.now() - sentMs) / 2;
  return { aheadMs: json.timeMs - sentMs - uncertainMs, uncertainMs };
}

function recordsIn(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => (typeof item === 'object' && item !== null ? [{ ...item }] : []));
}
