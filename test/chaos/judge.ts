// Judges a history: whether the run counts, which promises it broke, and where.

import { DamageRecord } from './judge-damage.js';
import type { Finding, Invariant, Report } from './judge-finding.js';
import type { History } from './judge-history.js';
import { judgeLog, type Losses } from './judge-log.js';
import { judgeSubscription } from './judge-subscriber.js';
import { countHistory, type JudgeOptions, vacuities } from './judge-validity.js';
import { faultsNear, stretchAround, type Verdict, type Violation } from './judge-view.js';

export type { JudgeOptions } from './judge-validity.js';
export { printVerdict, type Verdict, type Violation } from './judge-view.js';

const MAX_VIOLATIONS = 50;
/** Of one invariant, so that one that is broken everywhere does not hide another. */
const MAX_OF_ONE = 10;

/** Judges all of a history. Pure: the same history may be judged again, with mutations. */
export function judge(history: History, options: JudgeOptions): Verdict {
  const violations: Violation[] = [];
  const totals: Partial<Record<Invariant, number>> = {};
  const losses = findAll(history, (finding) => {
    const count = (totals[finding.invariant] ?? 0) + 1;
    totals[finding.invariant] = count;
    if (count <= MAX_OF_ONE && violations.length < MAX_VIOLATIONS) violations.push(violation(history, finding));
  });
  const counts = countHistory(history, losses.lostByFault, losses.storedAgain);
  return { valid: vacuities(history, counts, options), violations, totals, counts };
}

/** Reports every broken invariant. */
export function findAll(history: History, report: Report): Losses {
  const damage = new DamageRecord(history);
  for (const subscription of history.subscriptions) judgeSubscription(subscription, damage, report);
  return judgeLog(history, damage, report);
}

function violation(history: History, finding: Finding): Violation {
  const { invariant, channel, subscription, step, sentence } = finding;
  const t = finding.t ?? subscription?.steps.at[Math.min(step ?? 0, subscription.steps.at.length - 1)];
  return {
    invariant,
    client: subscription?.client,
    channel: channel.name,
    sentence,
    stretch: subscription === undefined ? [] : stretchAround(subscription, step ?? 0),
    faults: t === undefined ? [] : faultsNear(history, t),
  };
}
