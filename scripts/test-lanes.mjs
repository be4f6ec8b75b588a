// Where the time of the tests goes that file names do not tell: which files wait most of the time, and which last longest.

/**
 * Files that wait most of the time, for half a minute and more, mostly for deadlines of the product: one worker has them, one after the
 * other, beside the two that compute. Measured: each uses less than half of a core while it runs, most a fifth. The long ones come first.
 */
export const WAITING = [
  'test/integration/proxy-answers.test.ts',
  'test/conformance/dead-streams.test.ts',
  'test/conformance/open-protocol.test.ts',
  'test/integration/fuzz.test.ts',
  'test/integration/process-end.test.ts',
  'test/integration/rotation.test.ts',
  'test/integration/hostile-proxies.test.ts',
  'test/integration/sdk.test.ts',
  'test/integration/redis-misconf.test.ts',
  'test/integration/node-life.test.ts',
  'test/integration/node-states.test.ts',
  'test/integration/node-stopped.test.ts',
];

/** Files that are begun first, so that no suite ends with one worker that is still at one of them; others by their size. */
export const LONG = [
  'test/chaos/chaos.test.ts',
  'test/browser/scenarios.test.ts',
  'test/integration/loadtest.test.ts',
  'test/integration/doctor.test.ts',
  'test/integration/loadtest-kinds.test.ts',
  'test/integration/revocation-cluster.test.ts',
  'test/integration/redis-failover.test.ts',
];
