// The registry of a cluster that lives in one process; the model for the one in Redis.

import { randomBytes } from 'node:crypto';
import { steadyUnixMs } from '../lib/clocks.js';
import { Lapses } from './lapses.js';
import { assertReport, markOfReservation, nodeOfReservation } from './node-report.js';
import type {
  Asker,
  Assignment,
  NamedNode,
  NodeRecord,
  NodeReport,
  Registry,
  ReportAnswer,
  ReportVerdict,
} from './registry.js';
import { REGISTRY_RULES as RULES } from './registry-rules.js';

interface Node {
  report: Omit<NodeReport, 'claimed'>;
  atMs: number;
  /** Since when this start of it has reported without a silence. */
  sinceMs: number;
  drain: boolean;
  gone: boolean;
  past: readonly string[];
  held: number;
  /** When the assignments given so far are due at the node's pace. */
  pacedUntilMs: number;
}

export interface MemoryRegistryOptions {
  /** Unix milliseconds. */
  readonly clock?: () => number;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/** Makes a registry that is empty. */
export function createMemoryRegistry(options: MemoryRegistryOptions = {}): Registry {
  return new MemoryRegistry(options.clock ?? steadyUnixMs, options.random ?? Math.random);
}

class MemoryRegistry implements Registry {
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #nodes = new Map<string, Node>();
  /** When each lapses; all live equally long, so they lie in that order. */
  readonly #reservations = new Map<string, number>();
  readonly #lapses = new Lapses();
  /** Until when nodes are told of each. */
  readonly #signers = new Map<string, number>();
  #newestMs = Number.NEGATIVE_INFINITY;
  /** The newest report before the last silence, and when reports came back. */
  #beforeMs = Number.NEGATIVE_INFINITY;
  #resumedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: () => number, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  async report(report: NodeReport): Promise<ReportAnswer> {
    assertReport(report);
    const nowMs = this.#clock();
    const verdict = this.#judge(this.#nodes.get(report.id), report, nowMs);
    if (verdict === 'accepted') this.#accept(report, nowMs);
    const { id } = report;
    return {
      verdict,
      nowMs,
      drain: verdict === 'accepted' && this.#nodes.get(id)?.drain === true,
      signers: this.#signersAt(nowMs),
      lapsed: this.#lapses.total(id),
      isDoubted: this.#lapses.isDoubted(id),
    };
  }

  #accept(report: NodeReport, nowMs: number): void {
    const old = this.#nodes.get(report.id);
    const sameStart = old?.report.incarnation === report.incarnation;
    const { claimed, ...rest } = report;
    for (const reservation of claimed) this.#claim(reservation, report.id, nowMs);
    if (!sameStart) this.#forgetSilent(nowMs);
    this.#nodes.set(report.id, {
      report: rest,
      atMs: nowMs,
      sinceMs: sameStart && nowMs - old.atMs <= RULES.silenceMs ? old.sinceMs : nowMs,
      drain: sameStart && old.drain,
      gone: false,
      past: old === undefined || sameStart ? (old?.past ?? []) : remember(old),
      held: old?.held ?? 0,
      pacedUntilMs: old?.pacedUntilMs ?? 0,
    });
    if (nowMs - this.#newestMs > RULES.silenceMs) {
      this.#beforeMs = this.#newestMs;
      this.#resumedMs = nowMs;
    }
    this.#newestMs = nowMs;
  }

  async assign(
    exclude: readonly string[],
    allowed?: readonly string[],
    asker?: Asker,
  ): Promise<Assignment | undefined> {
    const nowMs = this.#clock();
    this.#lapse(nowMs);
    const takers = [...this.#nodes.values()].filter((node) => this.#mayTake(node, nowMs));
    const able = takers.filter(({ report }) => allowed === undefined || allowed.includes(report.id));
    const candidates = this.#candidatesOf(able, exclude, nowMs);
    const wanted = candidates.filter((node) => !exclude.includes(node.report.id));
    const reserves = asker?.reserves ?? true;
    const chosen = this.#pick(wanted, reserves, nowMs) ?? this.#pick(candidates, reserves, nowMs);
    if (chosen === undefined) return undefined;
    const isLed = wanted.length > 0 && wanted.length < candidates.length;
    const reservation = reserves ? this.#reserve(chosen, isLed ? '' : asker?.mark, nowMs) : undefined;
    chosen.pacedUntilMs = Math.max(chosen.pacedUntilMs, nowMs) + msPerConnect(chosen);
    const others = wanted.filter((node) => node !== chosen);
    const from = Math.floor(this.#random() * others.length);
    const alternatives = [...others.slice(from), ...others.slice(0, from)].slice(0, RULES.maxAlternatives);
    return {
      node: this.#recordOf(chosen, nowMs),
      reservation,
      alternatives: alternatives.map((node) => named(this.#recordOf(node, nowMs))),
      others: takers.length - able.length,
    };
  }

  async list(signer?: string): Promise<readonly NodeRecord[]> {
    const nowMs = this.#clock();
    if (signer !== undefined) this.#signers.set(signer, nowMs + RULES.signerMs);
    this.#lapse(nowMs);
    const alive = [...this.#nodes.values()].filter((node) => this.#isAlive(node, nowMs));
    return alive.map((node) => this.#recordOf(node, nowMs));
  }

  async requestDrain(id: string): Promise<boolean> {
    const node = this.#nodes.get(id);
    if (node === undefined || !this.#isAlive(node, this.#clock())) return false;
    node.drain = true;
    return true;
  }

  async remove(id: string, incarnation: string): Promise<void> {
    const node = this.#nodes.get(id);
    if (node?.report.incarnation !== incarnation) return;
    node.gone = true;
    // A report of it that is still on its way must not bring it back.
    node.past = remember(node);
  }

  #judge(old: Node | undefined, report: NodeReport, nowMs: number): ReportVerdict {
    if (old === undefined) return 'accepted';
    if (old.past.includes(report.incarnation)) return 'fenced';
    const sameNode = old.report.incarnation === report.incarnation || old.report.url === report.url;
    return sameNode || !this.#isAlive(old, nowMs) ? 'accepted' : 'refused';
  }

  #isAlive(node: Node, nowMs: number): boolean {
    if (node.gone) return false;
    if (nowMs - this.#newestMs <= RULES.graceMs && this.#newestMs - node.atMs <= RULES.silenceMs) return true;
    // How long it had been silent when the last silence of all began; below 0: it has reported since.
    const beforeMs = this.#beforeMs - node.atMs;
    const waitedFor = nowMs - this.#resumedMs <= RULES.graceMs && beforeMs >= 0 && beforeMs <= RULES.silenceMs;
    return waitedFor && nowMs - node.atMs <= RULES.maxReportAgeMs;
  }

  #mayTake(node: Node, nowMs: number): boolean {
    const { state, connections, capacity } = node.report;
    return state === 'ready' && !node.drain && connections + node.held < capacity && this.#isAlive(node, nowMs);
  }

  /** The least loaded; who keeps no place on it would come to the same one again and again, and is sent to any. */
  #pick(nodes: readonly Node[], reserves: boolean, nowMs: number): Node | undefined {
    const ready = nodes.filter((node) => !isPaced(node, nowMs));
    const least = Math.min(...ready.map(loadOf));
    const best = reserves ? ready.filter((node) => loadOf(node) === least) : ready;
    return best[Math.floor(this.#random() * best.length)];
  }

  #reserve(node: Node, mark: string | undefined, nowMs: number): string {
    const name = randomBytes(9).toString('base64url');
    const reservation = `${name}${mark === undefined ? '' : `~${mark}`}.${node.report.id}`;
    this.#reservations.set(reservation, nowMs + RULES.reservationMs);
    node.held++;
    return reservation;
  }

  /** Where there are nodes of which nothing is doubted, only those. Whoever leaves some of them out is not sent to see what a node does after its rest. */
  #candidatesOf(able: readonly Node[], exclude: readonly string[], nowMs: number): readonly Node[] {
    const trusted = able.filter((node) => this.#doubtOf(node, nowMs) === undefined);
    const proven = trusted.some(({ report }) => exclude.includes(report.id))
      ? trusted.filter(({ report }) => !this.#lapses.isDoubted(report.id))
      : [];
    if (proven.length > 0) return proven;
    return trusted.length > 0 ? trusted : able;
  }

  #lapse(nowMs: number): void {
    for (const [reservation, untilMs] of this.#reservations) {
      if (untilMs > nowMs) return;
      this.#release(reservation);
      this.#countLapse(reservation, untilMs, nowMs);
    }
  }

  /** Who has come to another node than the one that was named has not come to that one. Who has come there has, however late that is said. */
  #claim(reservation: string, at: string, nowMs: number): void {
    const id = nodeOfReservation(reservation);
    const untilMs = this.#reservations.get(reservation);
    this.#release(reservation);
    if (id === at) this.#lapses.claimed(id);
    else if (untilMs !== undefined) this.#countLapse(reservation, untilMs, nowMs);
  }

  /** A place says something of its node where that has reported all the time since it was given: a silent one could not say who had come. */
  #countLapse(reservation: string, untilMs: number, nowMs: number): void {
    const id = nodeOfReservation(reservation);
    const node = this.#nodes.get(id);
    if (node === undefined || node.gone || nowMs - node.atMs > RULES.silenceMs) return;
    if (node.sinceMs <= untilMs - RULES.reservationMs) this.#lapses.lapsed(id, nowMs, markOfReservation(reservation));
  }

  #release(reservation: string): void {
    if (!this.#reservations.delete(reservation)) return;
    const node = this.#nodes.get(nodeOfReservation(reservation));
    if (node !== undefined) node.held--;
  }

  #doubtOf({ report, held }: Node, nowMs: number): NodeRecord['doubt'] {
    if (this.#lapses.isResting(report.id, held, nowMs)) return 'lapsed';
    return report.reached ? undefined : 'unreached';
  }

  #signersAt(nowMs: number): readonly string[] {
    for (const [signer, untilMs] of this.#signers) if (untilMs <= nowMs) this.#signers.delete(signer);
    return [...this.#signers.keys()];
  }

  #forgetSilent(nowMs: number): void {
    for (const [id, node] of this.#nodes) {
      if (nowMs - node.atMs <= RULES.forgetMs) continue;
      this.#nodes.delete(id);
      this.#lapses.forget(id);
    }
  }

  #recordOf(node: Node, nowMs: number): NodeRecord {
    const { report, atMs, drain, held } = node;
    const { id, url, connections, capacity, state, incarnation, proof, features } = report;
    const doubt = this.#doubtOf(node, nowMs);
    return {
      id,
      url,
      connections,
      reservations: held,
      capacity,
      state: drain ? 'draining' : state,
      incarnation,
      proof,
      reportedAtMs: atMs,
      reportAgeMs: nowMs - atMs,
      ...(features !== undefined && { features }),
      ...(doubt !== undefined && { doubt }),
    };
  }
}

function named({ proof: _, ...rest }: NodeRecord): NamedNode {
  return rest;
}

function loadOf({ report, held }: Node): number {
  return (report.connections + held) / report.capacity;
}

function msPerConnect({ report }: Node): number {
  return 1_000 / report.maxConnectsPerSecond;
}

function isPaced(node: Node, nowMs: number): boolean {
  const dueMs = Math.max(node.pacedUntilMs, nowMs) + msPerConnect(node) - nowMs;
  return dueMs > Math.max(RULES.paceBurstMs, msPerConnect(node));
}

function remember(node: Node): readonly string[] {
  return [...node.past, node.report.incarnation].slice(-RULES.maxPast);
}
