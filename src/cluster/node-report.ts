// Checks what a node is about to report; a report that breaks a rule is a mistake of ours.

import type { NodeReport } from './registry.js';
import { nodeIdProblem, nodeUrlProblem } from './registry-rules.js';

const MAX_COUNT = 1_000_000_000;
const STATES: ReadonlySet<string> = new Set(['ready', 'full', 'deaf', 'draining']);
const INCARNATION = /^[A-Za-z0-9_.-]{1,128}$/;

/** Throws `TypeError` naming the field that breaks a rule. */
export function assertReport(report: NodeReport): void {
  const problem = nodeIdProblem(report.id) ?? nodeUrlProblem(report.url) ?? fieldProblem(report);
  if (problem !== undefined) throw new TypeError(problem);
}

/** The node on which a reservation holds a place. */
export function nodeOfReservation(reservation: string): string {
  return reservation.slice(reservation.indexOf('.') + 1);
}

function fieldProblem({ incarnation, connections, capacity, maxConnectsPerSecond, state }: NodeReport) {
  if (!INCARNATION.test(incarnation)) return 'incarnation: expected 1 to 128 of A-Z a-z 0-9 _ . -';
  if (!isCount(connections, 0)) return 'connections: expected a whole number of at least 0';
  if (!isCount(capacity, 1)) return 'capacity: expected a whole number of at least 1';
  if (!(maxConnectsPerSecond > 0 && maxConnectsPerSecond <= MAX_COUNT)) {
    return 'maxConnectsPerSecond: expected a number above 0';
  }
  return STATES.has(state) ? undefined : 'state: expected ready, full, deaf or draining';
}

function isCount(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_COUNT;
}
