// What does not work now, and how likely and how long things are: chosen anew for each run.

import type { Random } from '../support/random.js';

export interface Faults {
  /** What the network does to a transport: refuse it, or swallow all that is said. */
  readonly blocked: Map<string, 'refuses' | 'swallows'>;
  /** Nodes that cannot be reached. */
  readonly downNodes: Set<string>;
  /** Channels that nobody may read. */
  readonly forbidden: Set<string>;
  isDiscoveryDown: boolean;
  /** Discovery answers with a page of somebody else's. */
  isPortal: boolean;
  isDraining: boolean;
  refusesTokens: boolean;
  /** A request or its answer is lost, or nothing comes of it. */
  loss: number;
  /** The node refuses something for now. */
  refusal: number;
  /** A channel is not open yet, and is so after this time. */
  readonly cold: number;
  readonly coldMs: number;
  /** The longest that something is on its way, of the ways that are opened now. */
  readonly lagsMs: readonly number[];
  /** Messages of one answer to a poll. */
  readonly pageSize: number;
  readonly ticketMs: number;
  /** What the nodes know. */
  readonly features: readonly string[];
}

export const createFaults = (random: Random): Faults => ({
  blocked: new Map(),
  downNodes: new Set(),
  forbidden: new Set(),
  isDiscoveryDown: false,
  isPortal: false,
  isDraining: false,
  refusesTokens: false,
  loss: random.pick([0, 0, 0.02, 0.1]),
  refusal: random.pick([0, 0, 0.05, 0.2]),
  cold: random.pick([0, 0.3, 0.8]),
  coldMs: random.pick([50, 600, 3_000]),
  lagsMs: random.pick([[0], [80], [5, 400], [1, 80, 1_500]]),
  pageSize: random.pick([1_000, 1_000, 2]),
  ticketMs: random.pick([3_600_000, 3_600_000, 600_000, 20_000]),
  features: random.pick([
    ['ping', 'quiet', 'batch', 'positions', 'brief'],
    ['ping', 'quiet', 'batch', 'positions'],
    ['ping'],
    [],
  ]),
});

export const heal = (faults: Faults): void => {
  faults.blocked.clear();
  faults.downNodes.clear();
  faults.forbidden.clear();
  faults.isDiscoveryDown = faults.isPortal = faults.isDraining = faults.refusesTokens = false;
  faults.loss = faults.refusal = 0;
};
