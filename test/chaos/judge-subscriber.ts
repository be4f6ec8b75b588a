// The invariants of what one subscriber was told of one channel, in one walk over it.

import { type DamageRecord, fateOf } from './judge-damage.js';
import { INVARIANTS, type Invariant, type Report } from './judge-finding.js';
import { countUpTo, type Entry, type Gap, type Publication, type Step, type Subscription } from './judge-history.js';

/** Reasons after which the position may go back and values may come again. */
const REWINDING: ReadonlySet<string> = new Set(['lost', 'rewritten']);

/** Judges a subscription; reports as it goes, in the order of the steps. */
export function judgeSubscription(subscription: Subscription, damage: DamageRecord, report: Report): void {
  const walk = new Walk(subscription, damage, report);
  const { what, at } = subscription.steps;
  for (let index = 0; index < what.length; index++) walk.take(what[index] as Step, at[index] as number, index);
  walk.end(what.length);
}

class Walk {
  readonly #subscription: Subscription;
  readonly #damage: DamageRecord;
  readonly #report: Report;
  #position: string;
  /** How many of what is known of the channel lie at or before the position. */
  #passed: number;
  /** Of what is known, all before this that the log holds was delivered. */
  #covered: number;
  /** The step before, if it is a delivery: with a gap between, much is allowed. */
  #last: Entry | undefined;
  #isAtStart = true;
  /** The step before is a gap after which history is another one. */
  #isRewound = false;
  #seen = new Set<Publication>();
  #step = 0;

  constructor(subscription: Subscription, damage: DamageRecord, report: Report) {
    this.#subscription = subscription;
    this.#damage = damage;
    this.#report = report;
    this.#position = subscription.after ?? '-1';
    this.#passed = countUpTo(subscription.channel, this.#position);
    this.#covered = this.#passed;
    if (subscription.after === undefined) {
      this.#found(INVARIANTS.invented, [], `it was told of ${subscription.channel.name} without having asked`);
    }
  }

  take(step: Step, t: number, index: number): void {
    this.#step = index;
    if (step.kind === 'gap') {
      this.#truth(step, t);
      this.#position = step.offset;
      this.#passed = countUpTo(this.#subscription.channel, step.offset);
      this.#covered = Math.max(this.#covered, this.#passed);
      this.#isRewound = REWINDING.has(step.reason);
      if (this.#isRewound) this.#seen = new Set();
      this.#last = undefined;
    } else {
      this.#genuine(step);
      this.#duplicate(step);
      const isOrdered = this.#order(step);
      if (isOrdered) {
        this.#neighbour(step, t);
        this.#silence(step);
        this.#position = step.offset;
        this.#passed = step.rank === -1 ? countUpTo(this.#subscription.channel, step.offset) : step.rank + 1;
        // Beyond what was then lost there may be newer messages with offsets below it.
        if (step.held) this.#covered = Math.max(this.#covered, this.#passed);
        this.#last = step;
        this.#isRewound = false;
      }
    }
    this.#isAtStart = false;
  }

  /** Nothing that the log holds is still to come. */
  end(steps: number): void {
    this.#step = steps;
    const { channel } = this.#subscription;
    const { log } = channel;
    if (log === undefined) return;
    const last = log.entries.at(-1)?.[0];
    if (last === undefined) {
      if (channel.known.length === 0 || this.#damage.windows.some(({ fault }) => fault.damage === 'all')) return;
      this.#found(INVARIANTS.complete, [this.#position, log.tail], 'the log is empty though nothing could empty it');
    } else if (this.#position !== last && this.#position !== log.tail) {
      this.#found(
        INVARIANTS.complete,
        [this.#position, last],
        `it ends at ${this.#position}, the log at ${last}: what lies between never came`,
      );
    }
  }

  /** Offsets strictly increase; only a gap that says `lost` or `rewritten` leads back. */
  #order({ offset }: Entry): boolean {
    if (offset > this.#position) return true;
    this.#found(INVARIANTS.order, [offset, this.#position], `${offset} came at position ${this.#position}`);
    return false;
  }

  #duplicate({ publication, offset }: Entry): void {
    if (this.#seen.has(publication)) {
      this.#found(INVARIANTS.duplicates, [offset, publication.value], `${publication.value} came again, at ${offset}`);
    } else this.#seen.add(publication);
  }

  /** A value that was published here, and the only one at its offset. */
  #genuine({ publication, offset, rivalOf, channel }: Entry): void {
    const { value, invokedAt, failed, unknown, acknowledgedAt } = publication;
    const subjects = [offset, value];
    if (invokedAt === Number.POSITIVE_INFINITY) {
      this.#found(INVARIANTS.invented, subjects, `nobody published ${value}`);
    } else if (publication.channel !== channel.name) {
      this.#found(INVARIANTS.invented, subjects, `${value} was published on ${publication.channel}`);
    } else if (failed && !unknown && acknowledgedAt === Number.POSITIVE_INFINITY) {
      this.#found(INVARIANTS.invented, subjects, `publishing ${value} had failed for certain`);
    }
    if (rivalOf === undefined) return;
    const other = rivalOf.publication.value;
    this.#found(INVARIANTS.oneValue, subjects, `${offset} is ${value} here and ${other} elsewhere`);
  }

  /** Nothing known lies between one delivery and the next, or between a gap and what follows it. */
  #neighbour(next: Entry, t: number): void {
    if (next.rank === this.#passed) return;
    const { known } = this.#subscription.channel;
    for (let index = this.#passed; index < known.length; index++) {
      const missing = known[index] as Entry;
      if (missing.offset >= next.offset) return;
      // What nobody had published yet when this came has its offset from another history.
      if (missing.publication.invokedAt > t || this.#damage.excuses(missing, next)) continue;
      // What was lost has no place in the other history.
      if (this.#isRewound && fateOf(missing) === 'lost') continue;
      // The start of history is what is still there when it is asked for.
      if (this.#isAtStart && fateOf(missing) === 'trimmed' && this.#mayBeTrimmed(missing.offset, t)) continue;
      this.#found(
        INVARIANTS.neighbours,
        [this.#position, missing.offset, next.offset],
        `${missing.offset} (${missing.publication.value}, ${fateOf(missing)}) is missing between ${this.#position} and ${next.offset}`,
      );
      return;
    }
  }

  /** Who saw what was then lost is told before anything newer. */
  #silence(next: Entry): void {
    const last = this.#last;
    if (last === undefined || last.held) return;
    const isLost = fateOf(last) === 'lost';
    const isCertain = isLost && fateOf(next) !== 'lost';
    if (!isCertain && !this.#damage.partsFrom(last, next, isLost)) return;
    this.#found(
      INVARIANTS.silentLoss,
      [last.offset, next.offset],
      `${last.offset} was lost, and ${next.offset} came without a gap between`,
    );
  }

  #truth(gap: Gap, t: number): void {
    const covered = this.#heldUpTo(gap.offset);
    const subjects = [this.#position, gap.after, gap.offset, covered?.offset ?? ''];
    const say = (sentence: string) => this.#found(INVARIANTS.gaps, subjects, `gap ${gap.reason}: ${sentence}`);
    // What `-1` stands for is the broker's to say.
    if (!this.#isAtStart && gap.after !== this.#position) say(`it begins at ${gap.after}, not at ${this.#position}`);
    if (covered !== undefined) say(`it covers ${covered.offset}, which the log still holds`);
    // What the log holds after all was never lost, nor anything before it: nobody at that position may be sent back. Only
    // while masters change may one that then gives way have known better.
    if (REWINDING.has(gap.reason) && this.#last?.held && !this.#damage.isUnderWay(t)) {
      say(`${this.#last.offset} was never lost`);
    }
    const hasDamage = this.#damage.hasBegunBy(t);
    if (hasDamage) return;
    if (gap.reason !== 'trimmed' && gap.reason !== 'expired') return say('no fault that loses anything came before it');
    if (gap.offset <= this.#position) return say(`it goes back from ${this.#position} to ${gap.offset}`);
    if (!this.#mayBeTrimmed(gap.offset, t)) say(`history still had the room for ${gap.offset} then`);
  }

  #heldUpTo(offset: string): Entry | undefined {
    const { known } = this.#subscription.channel;
    for (let index = this.#covered; index < known.length; index++) {
      const entry = known[index] as Entry;
      if (entry.offset > offset) return undefined;
      if (entry.held) return entry;
    }
    return undefined;
  }

  /** Whether so many newer ones may have been written by `t` that history's size left no room for `offset`. */
  #mayBeTrimmed(offset: string, t: number): boolean {
    const { known, log, unplaced } = this.#subscription.channel;
    if (log === undefined) return true;
    const newestCovered = countUpTo(this.#subscription.channel, offset) - 1;
    const newer = newestCovered + log.historySize - unplaced;
    if (newer <= newestCovered) return true;
    const pushing = known[newer];
    return pushing !== undefined && Math.min(pushing.publication.invokedAt, pushing.knownAt) <= t;
  }

  #found(invariant: Invariant, subjects: readonly string[], sentence: string): void {
    const subscription = this.#subscription;
    const { channel } = subscription;
    this.#report({ invariant, channel, subscription, step: this.#step, subjects, sentence });
  }
}
