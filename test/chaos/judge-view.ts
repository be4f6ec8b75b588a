// What a person reads of a verdict: the stretch of a history around a violation, the faults near it, the whole as text.

import type { Invariant } from './judge-finding.js';
import type { History, Step, Subscription } from './judge-history.js';
import type { Counts } from './judge-validity.js';

const BEFORE = 8;
const AFTER = 3;
const NEAR_MS = 15_000;

export interface Violation {
  readonly invariant: Invariant;
  readonly client: string | undefined;
  readonly channel: string;
  readonly sentence: string;
  /** The offending stretch of what that subscriber was told, a line each; the line it is about begins with `>`. */
  readonly stretch: readonly string[];
  /** What was injected and healed shortly before or after. */
  readonly faults: readonly string[];
}

export interface Verdict {
  /** Why the run is vacuous. */
  readonly valid: readonly string[];
  /** The first of each invariant; `totals` has how many there are. */
  readonly violations: readonly Violation[];
  readonly totals: Readonly<Partial<Record<Invariant, number>>>;
  readonly counts: Counts;
}

/** Lines of what the subscriber was told around a step. */
export function stretchAround({ steps }: Subscription, step: number): string[] {
  const lines: string[] = [];
  const end = Math.min(steps.what.length - 1, step + AFTER);
  for (let index = Math.max(0, step - BEFORE); index <= end; index++) {
    const what = steps.what[index];
    if (what === undefined) continue;
    lines.push(`${index === step ? '>' : ' '} ${stamp(steps.at[index] ?? 0)} ${told(what)}`);
  }
  if (step >= steps.what.length) lines.push('> (the end)');
  return lines;
}

/** Phases of faults within 15 s. */
export function faultsNear({ faults }: History, t: number): string[] {
  const phases = faults.flatMap(({ number, name, damage, details, ...at }) =>
    [
      { t: at.injectedAt, phase: 'inject' },
      { t: at.healedAt, phase: 'heal' },
      { t: at.recoveredAt, phase: 'recovered' },
    ].map((phase) => ({ ...phase, name: `fault ${number} ${name} (damage ${damage})`, detail: details[0] ?? '' })),
  );
  return phases
    .filter((phase) => phase.t !== undefined && Math.abs(phase.t - t) <= NEAR_MS)
    .sort((a, b) => (a.t ?? 0) - (b.t ?? 0))
    .map((phase) => `${stamp(phase.t ?? 0)} ${phase.name} ${phase.phase}: ${phase.detail}`);
}

/** A verdict as lines to print: counts, why it does not count, totals, and each violation with its history. */
export function printVerdict({ valid, violations, totals, counts }: Verdict): string {
  const lines = [JSON.stringify(counts)];
  for (const reason of valid) lines.push(`vacuous: ${reason}`);
  for (const [invariant, total] of Object.entries(totals)) lines.push(`broken ${total} times: ${invariant}`);
  for (const { invariant, client, channel, sentence, stretch, faults } of violations) {
    lines.push('', `${invariant}: ${client ?? 'log'} on ${channel}: ${sentence}`);
    lines.push(...stretch.map((line) => `    ${line}`), ...faults.map((line) => `    ${line}`));
  }
  return lines.join('\n');
}

function told(step: Step): string {
  if (step.kind === 'gap') return `gap ${step.reason} after ${step.after} offset ${step.offset}`;
  return `${step.offset} ${step.publication.value}${step.held ? '' : ' (not in the final log)'}`;
}

function stamp(t: number): string {
  return `${(t / 1000).toFixed(3)} s`;
}
