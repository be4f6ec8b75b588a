// Proves the judge: plants single lies into a history that was judged good, and counts how many of them it convicts.

import { Random } from '../support/random.js';
import { findAll } from './judge.js';
import { DamageRecord } from './judge-damage.js';
import type { Finding, Invariant } from './judge-finding.js';
import type { History, Subscription } from './judge-history.js';
import { FORGE, MUTATIONS, type MutableSteps, type Mutation } from './mutations.js';

export interface ConvictOptions {
  /** One lie in so many deliveries. */
  readonly every: number;
  readonly seed: number;
  /** At least so many of each, where the history has the places; 1 when absent. */
  readonly each?: number;
}

export interface MutantResult {
  readonly mutant: string;
  readonly planted: number;
  /** How many of them a finding names: that subscriber, that offset, and an invariant meant for it. */
  readonly caught: number;
  /** Why none could be planted. */
  readonly notApplicable?: string;
  /** The first few that went unnoticed. */
  readonly escaped: readonly string[];
}

/** A place where a lie is to be told: a step of a subscription. */
interface Site {
  readonly subscription: number;
  readonly step: number;
}

/** A lie that was told. */
interface Planted {
  readonly client: string | undefined;
  readonly channel: string;
  readonly subject: string;
}

/** Between two lies to one subscriber, so that each is convicted for itself. */
const APART = 12;
const MAX_ESCAPED = 5;

/** Judges the history once per mutant. Every planted lie counts: `caught` is to equal `planted`. */
export function convict(history: History, { every, seed, each = 1 }: ConvictOptions): MutantResult[] {
  const deliveries = history.subscriptions.reduce((sum, { steps }) => sum + steps.what.length, 0);
  const wanted = Math.max(each, Math.floor(deliveries / every));
  return [
    ...MUTATIONS.map((mutation, index) => convictOne(history, mutation, wanted, new Random(seed + index))),
    convictForgery(history, wanted, new Random(seed - 1)),
  ];
}

/** `caught` of `planted` for each mutant, as lines to print. */
export function printMutants(results: readonly MutantResult[]): string {
  return results
    .flatMap(({ mutant, planted, caught, notApplicable, escaped }) => [
      `${mutant}: ${notApplicable ?? `${caught} of ${planted} caught`}`,
      ...escaped.map((what) => `    escaped: ${what}`),
    ])
    .join('\n');
}

function convictOne(history: History, mutation: Mutation, wanted: number, random: Random): MutantResult {
  const chosen = choose(history, mutation, wanted, random);
  if (chosen.length === 0) {
    return {
      mutant: mutation.name,
      planted: 0,
      caught: 0,
      notApplicable: 'not applicable: no place for it',
      escaped: [],
    };
  }
  const planted: Planted[] = [];
  const subscriptions = [...history.subscriptions];
  // From the end, so that a place keeps its index.
  for (const { subscription: index, step } of chosen.reverse()) {
    let subscription = subscriptions[index] as Subscription;
    if (subscription === history.subscriptions[index]) subscription = copied(subscription);
    subscriptions[index] = subscription;
    const subject = mutation.plant(subscription.steps as MutableSteps, step, random);
    planted.push({ client: subscription.client, channel: subscription.channel.name, subject });
  }
  return result(mutation.name, mutation.meant, { ...history, subscriptions }, planted);
}

function copied(subscription: Subscription): Subscription {
  const { at, what } = subscription.steps;
  return { ...subscription, steps: { at: [...at], what: [...what] } };
}

/** Acknowledges what was never written. */
function convictForgery(history: History, wanted: number, random: Random): MutantResult {
  const planted: Planted[] = [];
  const forged = FORGE.forge(history, wanted, random);
  if (forged.length === 0) {
    return {
      mutant: FORGE.name,
      planted: 0,
      caught: 0,
      notApplicable: 'not applicable: no log holds anything',
      escaped: [],
    };
  }
  for (const { channel, publication } of forged) {
    planted.push({ client: undefined, channel: channel.name, subject: publication.value });
  }
  const acknowledgements = [...history.acknowledgements, ...forged];
  return result(FORGE.name, FORGE.meant, { ...history, acknowledgements }, planted);
}

function result(
  mutant: string,
  meant: readonly Invariant[],
  mutated: History,
  planted: readonly Planted[],
): MutantResult {
  const found = new Set<string>();
  findAll(mutated, ({ invariant, channel, subscription, subjects }: Finding) => {
    if (!meant.includes(invariant)) return;
    for (const subject of subjects) found.add(keyOf({ client: subscription?.client, channel: channel.name, subject }));
  });
  const escaped = planted.filter((lie) => !found.has(keyOf(lie)));
  return {
    mutant,
    planted: planted.length,
    caught: planted.length - escaped.length,
    escaped: escaped.slice(0, MAX_ESCAPED).map(keyOf),
  };
}

function keyOf({ client, channel, subject }: Planted): string {
  return `${client ?? 'log'} on ${channel}: ${subject}`;
}

/** Of the places that fit, a random one in each of as many stretches, or the next that is far enough from the last. */
function choose(history: History, mutation: Mutation, wanted: number, random: Random): Site[] {
  const { fitting, starts } = placesFor(history, mutation);
  const sites: Site[] = [];
  const stretch = fitting.length / wanted;
  let index = 0;
  let next = 0;
  for (let count = 0; count < wanted; count++) {
    index = Math.max(index, Math.floor((count + random.next()) * stretch));
    while ((fitting[index] ?? next) < next) index++;
    const place = fitting[index];
    if (place === undefined) break;
    const subscription = lastAtOrBefore(starts, place);
    sites.push({ subscription, step: place - (starts[subscription] ?? 0) });
    next = place + APART;
  }
  return sites;
}

/** Steps are counted through all subscriptions; `starts` has where each begins. */
function placesFor(history: History, mutation: Mutation) {
  const damage = new DamageRecord(history);
  const fitting: number[] = [];
  const starts: number[] = [];
  let start = 0;
  for (const { steps } of history.subscriptions) {
    starts.push(start);
    for (let index = 0; index < steps.what.length; index++) {
      if (mutation.fits(steps, index, damage)) fitting.push(start + index);
    }
    start += steps.what.length;
  }
  return { fitting, starts };
}

function lastAtOrBefore(starts: readonly number[], place: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
