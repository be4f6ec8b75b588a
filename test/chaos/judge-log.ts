// The invariants of what was published and what the final log holds.

import { type DamageRecord, fateOf } from './judge-damage.js';
import { type Finding, INVARIANTS, type Report } from './judge-finding.js';
import type { Acknowledgement, Channel, Entry, History, Publication } from './judge-history.js';

/** A queue's entry is published up to this much later while no node is up or another takes over: chosen. */
const QUEUE_LAG_MS = 30_000;

export interface Losses {
  /** Acknowledged and lost within a documented window, by the fault's number. */
  readonly lostByFault: Map<number, number>;
  /** Values with a second offset, stored again by a retry after their first was lost. */
  storedAgain: number;
}

/** Judges acknowledgements, values and logs; answers what was lost where it may be. */
export function judgeLog(history: History, damage: DamageRecord, report: Report): Losses {
  const losses: Losses = { lostByFault: new Map(), storedAgain: 0 };
  const lost = new Set<Publication>();
  for (const acknowledgement of history.acknowledgements) {
    if (lost.has(acknowledgement.publication) || isStored(acknowledgement)) continue;
    const { publication, t, entry } = acknowledgement;
    const until = entry === undefined ? t + QUEUE_LAG_MS : t;
    const window = damage.touching(Math.min(publication.invokedAt, t), lastKnown(publication, until));
    // No single fault takes what a replica has, but one that takes all.
    if (window === undefined || (publication.waitReplicas > 0 && window.fault.damage === 'tail')) {
      if (!mayBeUnheard(acknowledgement, history)) report(notStored(acknowledgement));
    } else {
      const { number } = window.fault;
      losses.lostByFault.set(number, (losses.lostByFault.get(number) ?? 0) + 1);
      lost.add(publication);
    }
  }
  for (const publication of history.publications.values()) {
    for (const entry of publication.entries) if (entry.rivalOf !== undefined) report(rivalry(entry, entry.rivalOf));
    if (publication.entries.length > 1 && !oneOffset(publication, damage, report)) losses.storedAgain++;
  }
  for (const channel of history.channels.values()) judgeChannel(channel, report);
  return losses;
}

/** In the log, or trimmed from it as its size has it. */
function isStored({ entry, channel, publication }: Acknowledgement): boolean {
  if (channel.log === undefined) return true;
  const { entries } = publication;
  if (entries.some((its) => its.channel === channel && its.held)) return true;
  if (entry !== undefined) return fateOf(entry) === 'trimmed';
  return entries.some((its) => its.channel === channel && fateOf(its) === 'trimmed');
}

/** Whether an entry of the queue may have been trimmed before anybody heard of it: then everybody was away or told a gap. */
function mayBeUnheard({ entry, channel, publication, t }: Acknowledgement, { subscriptions }: History): boolean {
  const { log } = channel;
  if (entry !== undefined || publication.entries.length > 0) return false;
  if (log === undefined || log.entries.length < log.historySize) return false;
  const ofChannel = subscriptions.filter((subscription) => subscription.channel === channel);
  return ofChannel.every(({ steps: { at, what } }) =>
    what.some((step, index) => (at[index] ?? 0) >= t && (index === 0 || step.kind === 'gap')),
  );
}

function lastKnown({ entries }: Publication, otherwise: number): number {
  let last = 0;
  for (const { knownAt } of entries) if (knownAt !== Number.POSITIVE_INFINITY) last = Math.max(last, knownAt);
  return last === 0 ? otherwise : last;
}

function notStored({ channel, publication, entry, t }: Acknowledgement): Finding {
  const { value } = publication;
  const where = entry === undefined ? 'kept for the queue' : `given ${entry.offset}`;
  return {
    invariant: INVARIANTS.acknowledged,
    channel,
    t,
    subjects: entry === undefined ? [value] : [value, entry.offset],
    sentence: `${value} was ${where}, and is not in the log though no fault may have lost it`,
  };
}

/** One value has one offset, unless its first was lost and a retry stored it again. */
function oneOffset({ entries, value, invokedAt }: Publication, damage: DamageRecord, report: Report): boolean {
  const first = entries[0] as Entry;
  const since = Math.min(invokedAt, ...entries.map(({ knownAt }) => knownAt));
  const until = lastKnown(first.publication, Number.POSITIVE_INFINITY);
  const held = entries.filter((entry) => entry.held).length;
  if (held <= 1 && damage.touching(since, until) !== undefined) return false;
  const offsets = entries.map(({ offset }) => offset);
  const sentence = `${value} has ${entries.length} offsets: ${offsets.join(', ')}`;
  report({ invariant: INVARIANTS.oneValue, channel: first.channel, subjects: [value, ...offsets], t: until, sentence });
  return true;
}

/** An offset has one value, in acknowledgements, deliveries and the log alike. */
function rivalry({ channel, offset, publication: { value } }: Entry, { publication: other }: Entry): Finding {
  const sentence = `${offset} is both ${value} and ${other.value}`;
  return { invariant: INVARIANTS.oneValue, channel, subjects: [offset, value, other.value], sentence };
}

function judgeChannel(channel: Channel, report: Report): void {
  const say = (invariant: Finding['invariant'], { offset, publication: { value } }: Entry, sentence: string) =>
    report({ invariant, channel, subjects: [offset, value], sentence });
  for (const entry of channel.known) {
    const { publication } = entry;
    if (entry.held && (publication.invokedAt === Number.POSITIVE_INFINITY || publication.channel !== channel.name)) {
      say(INVARIANTS.invented, entry, `the log holds ${publication.value}, which nobody published here`);
    }
  }
  const places = new Map<string, string>();
  let last = '';
  for (const [offset, value] of channel.log?.entries ?? []) {
    const before = places.get(value);
    const subjects = [offset, value];
    if (before !== undefined) {
      const sentence = `the log holds ${value} twice, at ${before} and ${offset}`;
      report({ invariant: INVARIANTS.oneEntry, channel, subjects, sentence });
    }
    if (offset <= last) {
      const sentence = `the log has ${offset} after ${last}`;
      report({ invariant: INVARIANTS.order, channel, subjects, sentence });
    }
    places.set(value, offset);
    last = offset;
  }
}
