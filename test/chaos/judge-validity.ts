// Whether a run proves anything: enough of everything happened, and each fault was seen to do something and was healed.

import { DamageRecord } from './judge-damage.js';
import type { History } from './judge-history.js';

export interface JudgeOptions {
  readonly minAcknowledged: number;
  readonly minDeliveries: number;
  readonly minResumes: number;
  readonly minClients: number;
  readonly minChannels: number;
  /** Names of faults that must have been injected. */
  readonly requireFaults: readonly string[];
  /** Names of faults of which at least one, where there was any, must have lost what was acknowledged. */
  readonly mustLose?: readonly string[];
  /** What replicas confirmed around the faults that lose what they do not have; absent: 0. */
  readonly minReplicated?: number;
  /** Of which a client must have been seen connected; the default is all four. */
  readonly requireTransports?: readonly string[];
}

export interface Counts {
  readonly publications: number;
  readonly acknowledged: number;
  readonly outcomeUnknown: number;
  readonly failed: number;
  readonly deliveries: number;
  readonly subscriptions: number;
  readonly gaps: Readonly<Record<string, number>>;
  readonly lostAcknowledged: Readonly<Record<number, number>>;
  readonly storedAgain: number;
  /** Acknowledged with a replica's word shortly before or during a fault that may lose the newest. */
  readonly replicated: number;
  readonly resumes: number;
  readonly clients: number;
  readonly channels: number;
  readonly cutLines: number;
}

const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'];

/** Why the run is vacuous; empty for one that counts. */
export function vacuities(history: History, counts: Counts, options: JudgeOptions): string[] {
  const reasons: string[] = [];
  const least = (what: keyof Counts & string, seen: number, wanted: number) => {
    if (seen < wanted) reasons.push(`${what}: ${seen}, which is less than ${wanted}`);
  };
  least('acknowledged', counts.acknowledged, options.minAcknowledged);
  least('deliveries', counts.deliveries, options.minDeliveries);
  least('resumes', counts.resumes, options.minResumes);
  least('clients', counts.clients, options.minClients);
  least('channels', counts.channels, options.minChannels);
  least('replicated', counts.replicated, options.minReplicated ?? 0);
  for (const name of options.mustLose ?? []) {
    const its = history.faults.filter((fault) => fault.name === name);
    const lost = its.reduce((sum, { number }) => sum + (counts.lostAcknowledged[number] ?? 0), 0);
    if (its.length > 0 && lost === 0) reasons.push(`fault ${name} lost nothing that was acknowledged`);
  }
  const injected = new Set(history.faults.map(({ name }) => name));
  for (const name of options.requireFaults) if (!injected.has(name)) reasons.push(`fault ${name} was not injected`);
  for (const transport of options.requireTransports ?? TRANSPORTS) {
    if (!history.connected.transports.has(transport)) reasons.push(`no client was connected by ${transport}`);
  }
  for (const { number, name, details, healedAt } of history.faults) {
    if (details.length === 0) reasons.push(`fault ${number} (${name}) does not say what it did`);
    if (healedAt === undefined) reasons.push(`fault ${number} (${name}) was not healed`);
  }
  const unread = [...history.channels.values()].filter(({ log }) => log === undefined).map(({ name }) => name);
  if (unread.length > 0)
    reasons.push(`${unread.length} channels have no final log, ${unread.slice(0, 3).join(', ')} …`);
  return reasons;
}

export function countHistory(history: History, lostByFault: ReadonlyMap<number, number>, storedAgain: number): Counts {
  const gaps: Record<string, number> = {};
  const clients = new Set<string>();
  let deliveries = 0;
  for (const { client, steps } of history.subscriptions) {
    clients.add(client);
    for (const step of steps.what) {
      if (step.kind === 'entry') deliveries++;
      else gaps[step.reason] = (gaps[step.reason] ?? 0) + 1;
    }
  }
  let resumes = 0;
  for (const times of history.connected.times.values()) resumes += times - 1;
  return {
    ...countOutcomes(history),
    deliveries,
    subscriptions: history.subscriptions.length,
    gaps,
    lostAcknowledged: Object.fromEntries(lostByFault),
    storedAgain,
    replicated: countReplicated(history),
    resumes,
    clients: clients.size,
    channels: history.channels.size,
    cutLines: history.cutLines,
  };
}

function countReplicated(history: History): number {
  const windows = new DamageRecord(history).windows.filter(({ fault }) => fault.damage === 'tail');
  return history.acknowledgements.filter(
    ({ t, publication }) => publication.waitReplicas > 0 && windows.some(({ from, to }) => t >= from && t <= to),
  ).length;
}

function countOutcomes({ publications }: History) {
  const counts = { publications: 0, acknowledged: 0, outcomeUnknown: 0, failed: 0 };
  for (const { invokedAt, acknowledgedAt, failed, unknown } of publications.values()) {
    if (invokedAt !== Number.POSITIVE_INFINITY) counts.publications++;
    if (acknowledgedAt !== Number.POSITIVE_INFINITY) counts.acknowledged++;
    else if (failed && !unknown) counts.failed++;
    else if (invokedAt !== Number.POSITIVE_INFINITY) counts.outcomeUnknown++;
  }
  return counts;
}
