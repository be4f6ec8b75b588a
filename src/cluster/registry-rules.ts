// The rules of the registry that its memory and Redis forms share: times, bounds, and what a node may call itself.

import { MAX_NODE_URL_LENGTH } from '../lib/node-url.js';

/** Why there are reservations: docs/decisions/0004-discovery-and-tickets.md. */
export const REGISTRY_RULES = {
  /** Silence after which a node is gone, measured from the newest report of any node. */
  silenceMs: 5_000,
  /**
   * When no node reports at all: how long they still count. When reports come back after a silence: how long the nodes
   * of before it are waited for, so that a failover of Redis does not empty the registry.
   */
  graceMs: 10_000,
  /** No node of before a silence is waited for when its last report is older. */
  maxReportAgeMs: 5 * 60_000,
  /** After that a reservation that no node has reported as claimed is given back. */
  reservationMs: 10_000,
  /** Places that lapse one after the other before a node is given a rest (chosen: single clients do go away). */
  lapsesToRest: 3,
  /** Askers that are remembered of those, so that nobody counts twice (chosen: with as many others a rest is at its longest). */
  maxMarks: 8,
  /** The first rest; each that follows is twice as long, and between them one client is sent to see. */
  restMs: 10_000,
  maxRestMs: 5 * 60_000,
  /** How long nodes are told of a secret that a discovery signs with: three of its refreshes. */
  signerMs: 15_000,
  /** Assignments that a node is given at once, as a span of its `maxConnectsPerSecond` (chosen: half of it). */
  paceBurstMs: 500,
  /** Alternatives that an assignment names at most. */
  maxAlternatives: 8,
  /** Former incarnations that a node's record remembers. */
  maxPast: 16,
  /** A silent node's record is forgotten after it. */
  forgetMs: 3_600_000,
  maxIdLength: 128,
  maxUrlLength: MAX_NODE_URL_LENGTH,
  maxProofBytes: 2_048,
  maxRecordBytes: 6_144,
} as const;

/** How often a node reports. */
export const REPORT_INTERVAL_MS = 1_000;

const ID = /^[A-Za-z0-9_.:@~-]{1,128}$/;

/** Names the rule that a node's id breaks, or returns `undefined`. */
export function nodeIdProblem(id: string): string | undefined {
  return ID.test(id) ? undefined : 'a node id has 1 to 128 of A-Z a-z 0-9 _ . : @ ~ -';
}
