// Every fault of a chaos run, by name.

import type { Fault } from './fault.js';
import { CLOCK_FAULTS } from './faults-of-clocks.js';
import { LINK_FAULTS } from './faults-of-links.js';
import { NODE_FAULTS } from './faults-of-nodes.js';
import { REDIS_FAULTS } from './faults-of-redis.js';
import { FAILOVER_FAULTS } from './faults-of-replication.js';

export const FAULTS: readonly Fault[] = [
  ...NODE_FAULTS,
  ...LINK_FAULTS,
  ...REDIS_FAULTS,
  ...FAILOVER_FAULTS,
  ...CLOCK_FAULTS,
];
