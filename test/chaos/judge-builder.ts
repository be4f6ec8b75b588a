// Builds a history from the events of a run, each value, offset and name kept once.

import type { Damage, FinalLog, HistoryEvent, Instant } from './history.js';
import {
  type Acknowledgement,
  type Channel,
  type Entry,
  type Fault,
  type History,
  newEntry,
  type Publication,
  type Step,
  type Subscription,
  unpublished,
} from './judge-history.js';

const DAMAGES: readonly Damage[] = ['none', 'tail', 'all'];

/** Takes events in any order of files; within a file, in its order. */
export class HistoryBuilder {
  readonly #channels = new Map<string, Channel>();
  readonly #publications = new Map<string, Publication>();
  readonly #acknowledgements: Acknowledgement[] = [];
  readonly #subscriptions = new Map<string, Map<string, GrowingSubscription>>();
  readonly #faults = new Map<number, Fault>();
  readonly #connected = new Map<string, number>();
  readonly #transports = new Set<string>();
  #endsAt = 0;
  cutLines = 0;

  add(event: HistoryEvent): void {
    if (event.t > this.#endsAt) this.#endsAt = event.t;
    switch (event.f) {
      case 'deliver': {
        const subscription = this.#subscription(event.client, event.channel);
        subscription.steps.at.push(event.t);
        subscription.steps.what.push(this.#entry(subscription.channel, event.offset, event.value, event.t));
        return;
      }
      case 'gap': {
        const { after, offset, reason } = event;
        const { steps } = this.#subscription(event.client, event.channel);
        steps.at.push(event.t);
        steps.what.push({ kind: 'gap', after, offset, reason });
        return;
      }
      case 'publish':
        return event.kind === 'invoke' ? this.#invoked(event) : this.#ended(event);
      case 'subscribe':
        this.#subscription(event.client, event.channel).after ??= event.offset;
        return;
      case 'state':
        return this.#state(event);
      case 'fault':
        return this.#fault(event);
      case 'log':
        return this.#log(event);
    }
  }

  finish(): History {
    for (const channel of this.#channels.values()) rank(channel);
    for (const { entries, channel } of this.#publications.values()) {
      const its = entries.length === 0 ? this.#channels.get(channel) : undefined;
      if (its !== undefined) its.unplaced++;
    }
    return {
      channels: this.#channels,
      publications: this.#publications,
      acknowledgements: this.#acknowledgements,
      subscriptions: [...this.#subscriptions.values()].flatMap((ofClient) => [...ofClient.values()]),
      faults: [...this.#faults.values()].sort((a, b) => a.injectedAt - b.injectedAt),
      connected: { times: this.#connected, transports: this.#transports },
      cutLines: this.cutLines,
      endsAt: this.#endsAt,
    };
  }

  #channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = { name, entries: new Map(), known: [], log: undefined, unplaced: 0 };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  #publication(value: string): Publication {
    let publication = this.#publications.get(value);
    if (publication === undefined) {
      publication = unpublished(value);
      this.#publications.set(value, publication);
    }
    return publication;
  }

  #entry(channel: Channel, offset: string, value: string, knownAt: Instant): Entry {
    const first = channel.entries.get(offset);
    if (first !== undefined && first.publication.value === value) {
      if (knownAt < first.knownAt) first.knownAt = knownAt;
      return first;
    }
    const publication = this.#publication(value);
    const rival = first && publication.entries.find((entry) => entry.channel === channel && entry.offset === offset);
    if (rival !== undefined) {
      rival.knownAt = Math.min(rival.knownAt, knownAt);
      return rival;
    }
    const entry = newEntry(channel, offset, publication, knownAt, first);
    publication.entries.push(entry);
    if (first === undefined) channel.entries.set(offset, entry);
    return entry;
  }

  #subscription(client: string, channel: string): GrowingSubscription {
    let ofClient = this.#subscriptions.get(client);
    if (ofClient === undefined) {
      ofClient = new Map();
      this.#subscriptions.set(client, ofClient);
    }
    let subscription = ofClient.get(channel);
    if (subscription === undefined) {
      subscription = { client, channel: this.#channel(channel), after: undefined, steps: { at: [], what: [] } };
      ofClient.set(channel, subscription);
    }
    return subscription;
  }

  #invoked({
    channel,
    value,
    by,
    key,
    waitReplicas = 0,
    t,
  }: Extract<HistoryEvent, { kind: 'invoke'; f: 'publish' }>): void {
    this.#channel(channel);
    const publication = this.#publication(value);
    publication.channel = channel;
    publication.by = by;
    publication.key = key;
    publication.waitReplicas = waitReplicas;
    publication.invokedAt = Math.min(publication.invokedAt, t);
  }

  #ended({
    kind,
    channel,
    value,
    offset,
    t,
  }: Extract<HistoryEvent, { kind: 'ok' | 'info' | 'fail'; f: 'publish' }>): void {
    const publication = this.#publication(value);
    if (kind === 'fail') publication.failed = true;
    if (kind === 'info') publication.unknown = true;
    if (kind !== 'ok') return;
    publication.acknowledgedAt = Math.min(publication.acknowledgedAt, t);
    const its = this.#channel(channel);
    const entry = offset === undefined ? undefined : this.#entry(its, offset, value, t);
    this.#acknowledgements.push({ t, channel: its, publication, entry });
  }

  #state({ client, state, transport }: Extract<HistoryEvent, { f: 'state' }>): void {
    if (state !== 'connected') return;
    this.#connected.set(client, (this.#connected.get(client) ?? 0) + 1);
    if (transport !== undefined) this.#transports.add(transport);
  }

  #fault({ number, fault: name, phase, damage, detail, t }: Extract<HistoryEvent, { f: 'fault' }>): void {
    let fault = this.#faults.get(number);
    if (fault === undefined) {
      fault = { number, name, damage, injectedAt: t, healedAt: undefined, recoveredAt: undefined, details: [] };
      this.#faults.set(number, fault);
    }
    if (DAMAGES.indexOf(damage) > DAMAGES.indexOf(fault.damage)) fault.damage = damage;
    if (detail.trim() !== '') fault.details.push(detail);
    if (phase === 'inject') fault.injectedAt = t;
    else if (phase === 'heal') fault.healedAt = t;
    else fault.recoveredAt = t;
  }

  #log(log: FinalLog): void {
    const channel = this.#channel(log.channel);
    channel.log = log;
    for (const [offset, value] of log.entries)
      this.#entry(channel, offset, value, Number.POSITIVE_INFINITY).held = true;
  }
}

interface GrowingSubscription extends Subscription {
  readonly steps: { readonly at: Instant[]; readonly what: Step[] };
}

function rank(channel: Channel): void {
  const known = [...channel.entries.values()];
  known.sort((a, b) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0));
  for (const [index, entry] of known.entries()) entry.rank = index;
  channel.known = known;
}
