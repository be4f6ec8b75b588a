// Checks what a node is about to report; a report that breaks a rule is a mistake of ours.

import { nodeUrlProblem } from '../lib/node-url.js';
import type { NodeReport } from './registry.js';
import { nodeIdProblem, REGISTRY_RULES } from './registry-rules.js';

const MAX_COUNT = 1_000_000_000;
const STATES: ReadonlySet<string> = new Set(['ready', 'full', 'deaf', 'foreign', 'draining']);
const FEATURE = /^[a-z]{1,32}$/;
const INCARNATION = /^[A-Za-z0-9_.-]{1,128}$/;
const PROOF = /^[\x21-\x7e]*$/;

/** Throws `TypeError` naming the field that breaks a rule. */
export function assertReport(report: NodeReport): void {
  const problem = nodeIdProblem(report.id) ?? nodeUrlProblem(report.url) ?? fieldProblem(report);
  if (problem !== undefined) throw new TypeError(problem);
}

/** The node on which a reservation holds a place. */
export function nodeOfReservation(reservation: string): string {
  return reservation.slice(reservation.indexOf('.') + 1);
}

/** Whose place it is, as {@link Asker.mark}: `undefined` of nobody in particular, `''` where it says nothing of its node. */
export function markOfReservation(reservation: string): string | undefined {
  const name = reservation.slice(0, reservation.indexOf('.'));
  const at = name.indexOf('~');
  return at === -1 ? undefined : name.slice(at + 1);
}

function fieldProblem(report: NodeReport): string | undefined {
  const { incarnation, connections, capacity, maxConnectsPerSecond, state, proof, features = [] } = report;
  if (!INCARNATION.test(incarnation)) return 'incarnation: expected 1 to 128 of A-Z a-z 0-9 _ . -';
  if (!isCount(connections, 0)) return 'connections: expected a whole number of at least 0';
  if (!isCount(capacity, 1)) return 'capacity: expected a whole number of at least 1';
  if (!(maxConnectsPerSecond > 0 && maxConnectsPerSecond <= MAX_COUNT)) {
    return 'maxConnectsPerSecond: expected a number above 0';
  }
  if (proof.length > REGISTRY_RULES.maxProofBytes || !PROOF.test(proof))
    return 'proof: expected 2 KiB of ASCII at most';
  if (!features.every((feature) => FEATURE.test(feature))) return 'features: expected names of a-z';
  return STATES.has(state) ? undefined : `state: expected one of ${[...STATES].join(', ')}`;
}

function isCount(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_COUNT;
}
