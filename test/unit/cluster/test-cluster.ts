// Nodes and a registry for tests, whose time passes without waiting.

import { afterEach, beforeEach } from 'vitest';
import type { NodeReport, Registry, ReportVerdict } from '../../../src/cluster/registry.js';

export interface RegistryHarness {
  readonly registry: Registry;
  /** Lets time pass for the registry, without waiting. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface TestCluster {
  /** The one of the test that runs. */
  registry(): Registry;
  advance(ms: number): Promise<void>;
  report(id: string, changes?: Partial<NodeReport>): Promise<ReportVerdict>;
  /** Reports, and answers whether the node was told to drain. */
  drains(id: string, changes?: Partial<NodeReport>): Promise<boolean>;
  /** The nodes that count as alive, sorted. */
  ids(): Promise<readonly string[]>;
  /** How many of `times` assignments each node was given. */
  shares(times: number, exclude?: readonly string[]): Promise<Record<string, number>>;
}

/** A node's report that is good. */
export function node(id: string, changes: Partial<NodeReport> = {}): NodeReport {
  return {
    id,
    url: `http://${id}.example:8080`,
    incarnation: `${id}-1`,
    connections: 0,
    capacity: 10_000,
    maxConnectsPerSecond: 100_000,
    state: 'ready',
    reached: true,
    proof: '',
    claimed: [],
    ...changes,
  };
}

/** Opens a registry before each test of the suite that calls it, and closes it after. */
export function testCluster(open: () => Promise<RegistryHarness>): TestCluster {
  let harness: RegistryHarness;
  beforeEach(async () => {
    harness = await open();
  });
  afterEach(() => harness?.close());
  return {
    registry: () => harness.registry,
    advance: (ms) => harness.advance(ms),
    report: async (id, changes) => (await harness.registry.report(node(id, changes))).verdict,
    drains: async (id, changes) => (await harness.registry.report(node(id, changes))).drain,
    ids: async () => (await harness.registry.list()).map(({ id }) => id).sort(),
    async shares(times, exclude = []) {
      const counts: Record<string, number> = {};
      for (let index = 0; index < times; index++) {
        const id = (await harness.registry.assign(exclude))?.node.id ?? 'nobody';
        counts[id] = (counts[id] ?? 0) + 1;
      }
      return counts;
    },
  };
}
