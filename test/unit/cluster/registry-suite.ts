// What every registry must do; run over the one in memory and the one in Redis.

import { describe } from 'vitest';
import { assignmentSuite } from './assignment-suite.js';
import { membershipSuite } from './membership-suite.js';
import { type RegistryHarness, testCluster } from './test-cluster.js';
import { trustSuite } from './trust-suite.js';

export function registrySuite(name: string, open: () => Promise<RegistryHarness>): void {
  describe(name, () => {
    const cluster = testCluster(open);
    assignmentSuite(cluster);
    membershipSuite(cluster);
    trustSuite(cluster);
  });
}
