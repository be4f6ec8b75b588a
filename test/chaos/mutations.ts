// The lies that a judge must not believe: each where it is surely one, how it is told, and which invariants are meant for it.

import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import type { Random } from '../support/random.js';
import { DamageRecord, fateOf } from './judge-damage.js';
import { INVARIANTS, type Invariant } from './judge-finding.js';
import {
  type Acknowledgement,
  type Channel,
  type Entry,
  type History,
  newEntry,
  type Step,
  type Steps,
  unpublished,
} from './judge-history.js';

export interface MutableSteps {
  readonly at: number[];
  readonly what: Step[];
}

export interface Mutation {
  readonly name: string;
  readonly meant: readonly Invariant[];
  /** Whether it would be a lie here, for certain. */
  fits(steps: Steps, index: number, damage: DamageRecord): boolean;
  /** Tells it; answers the offset that a finding has to name. */
  plant(steps: MutableSteps, index: number, random: Random): string;
}

/** What the final log holds must come; beside what was lost later it may come again, so that its absence proves nothing. */
const drop: Mutation = {
  name: 'drop',
  meant: [INVARIANTS.neighbours, INVARIANTS.complete, INVARIANTS.gaps],
  fits: ({ what }, index) => isHeld(what[index]) && (!isDelivery(what[index + 1]) || isHeld(what[index + 1])),
  plant(steps, index) {
    const { offset } = steps.what[index] as Entry;
    remove(steps, index);
    return offset;
  },
};

const repeat: Mutation = {
  name: 'repeat',
  meant: [INVARIANTS.duplicates],
  fits: ({ what }, index) => isDelivery(what[index]),
  plant(steps, index, random) {
    const entry = steps.what[index] as Entry;
    let later = index + 1;
    // Beyond a gap it might be no lie.
    for (let more = random.below(4); more > 0 && isDelivery(steps.what[later]); more--) later++;
    insert(steps, later, entry);
    return entry.offset;
  },
};

const swap: Mutation = {
  name: 'swap',
  meant: [INVARIANTS.order],
  fits: ({ what }, index) => isDelivery(what[index]) && isDelivery(what[index + 1]),
  plant: (steps, index) => postpone(steps, index, 1),
};

const lateOrder: Mutation = {
  name: 'late-order',
  meant: [INVARIANTS.order],
  fits: ({ what }, index) => [0, 1, 2, 3].every((ahead) => isDelivery(what[index + ahead])),
  plant: (steps, index) => postpone(steps, index, 3),
};

const hide: Mutation = {
  name: 'hide',
  meant: [INVARIANTS.neighbours, INVARIANTS.silentLoss, INVARIANTS.gaps, INVARIANTS.complete, INVARIANTS.order],
  fits: isGapNeeded,
  plant(steps, index) {
    const before = steps.what[index - 1];
    remove(steps, index);
    return before?.offset ?? '';
  },
};

/** A gap that takes back what was never lost, and what lies after it once more. */
const rewind: Mutation = {
  name: 'rewind',
  meant: [INVARIANTS.gaps],
  fits: ({ what, at }, index, damage) =>
    isHeld(what[index - 1]) && isHeld(what[index]) && !damage.isUnderWay(at[index] ?? 0),
  plant(steps, index) {
    const before = steps.what[index - 1] as Entry;
    const last = steps.what[index] as Entry;
    insert(steps, index + 1, last);
    insert(steps, index + 1, { kind: 'gap', after: last.offset, offset: before.offset, reason: 'rewritten' });
    return last.offset;
  },
};

const stranger: Mutation = {
  name: 'stranger',
  meant: [INVARIANTS.invented],
  fits: ({ what }, index) => isDelivery(what[index]),
  plant(steps, index) {
    const { channel, offset } = steps.what[index] as Entry;
    const forged = nextFree(channel, offset);
    insert(steps, index + 1, newEntry(channel, forged, unpublished(`stranger-${forged}`), steps.at[index] ?? 0));
    return forged;
  },
};

/** Another message's value in place of the right one. */
const exchange: Mutation = {
  name: 'exchange',
  meant: [INVARIANTS.oneValue],
  fits: ({ what }, index) => isHeld(what[index]) && what[index + 1]?.kind === 'entry',
  plant({ what, at }, index) {
    const right = what[index] as Entry;
    const wrong = what[index + 1] as Entry;
    what[index] = {
      ...newEntry(right.channel, right.offset, wrong.publication, at[index] ?? 0, right),
      rank: right.rank,
    };
    return right.offset;
  },
};

export const MUTATIONS: readonly Mutation[] = [drop, repeat, swap, lateOrder, hide, rewind, stranger, exchange];

/** A publish that is acknowledged with an offset and never written. */
export const FORGE = {
  name: 'forge',
  meant: [INVARIANTS.acknowledged],
  /** After all damage, when nothing excuses it, at an offset that size cannot have trimmed. */
  forge(history: History, wanted: number, random: Random): Acknowledgement[] {
    const t = Math.max(history.endsAt, ...new DamageRecord(history).windows.map(({ to }) => to + 1));
    const channels = [...history.channels.values()].filter(({ log }) => (log?.entries.length ?? 0) > 0);
    const forged: Acknowledgement[] = [];
    for (let count = 0; count < wanted && channels.length > 0; count++) {
      const channel = random.pick(channels);
      const [offset] = random.pick(channel.log?.entries ?? []);
      const publication = { ...unpublished(`forged-${count}`), channel: channel.name, invokedAt: t, acknowledgedAt: t };
      const entry = newEntry(channel, nextFree(channel, offset), publication, t);
      publication.entries.push(entry);
      forged.push({ t, channel, publication, entry });
    }
    return forged;
  },
} as const;

function isDelivery(step: Step | undefined): boolean {
  return step?.kind === 'entry';
}

function isHeld(step: Step | undefined): boolean {
  return step?.kind === 'entry' && step.held;
}

/** Whether a client that is not told this gap has been kept from something: it knew `before` and it missed a message. */
function isGapNeeded({ what }: Steps, index: number, damage: DamageRecord): boolean {
  const gap = what[index];
  const before = what[index - 1];
  const next = what[index + 1];
  if (gap?.kind !== 'gap' || before?.kind !== 'entry') return false;
  const { log, known } = before.channel;
  if (next === undefined) {
    const last = log?.entries.at(-1)?.[0];
    return last !== undefined && before.offset !== last && before.offset !== log?.tail;
  }
  if (next.kind === 'gap') return next.after !== before.offset;
  if (next.offset <= before.offset) return true;
  if (fateOf(before) === 'lost' && fateOf(next) !== 'lost') return true;
  return known.slice(before.rank + 1, Math.max(next.rank, 0)).some((missing) => !damage.excuses(missing, next));
}

function postpone(steps: MutableSteps, index: number, by: number): string {
  const entry = steps.what[index] as Entry;
  // The time stays with the place: they came when others came.
  steps.what.copyWithin(index, index + 1, index + by + 1);
  steps.what[index + by] = entry;
  return entry.offset;
}

function remove({ at, what }: MutableSteps, index: number): void {
  at.splice(index, 1);
  what.splice(index, 1);
}

function insert({ at, what }: MutableSteps, index: number, step: Step): void {
  at.splice(index, 0, at[index - 1] ?? 0);
  what.splice(index, 0, step);
}

/** The first offset above `offset` that the channel does not know. */
function nextFree({ entries }: Channel, offset: string): string {
  const { ms, seq } = parseOffset(offset);
  for (let next = seq + 1; ; next++) {
    const free = formatOffset(ms, next);
    if (!entries.has(free)) return free;
  }
}
