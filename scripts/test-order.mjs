// Where the time of the tests goes that file names do not tell: which files wait most of the time, and which last longest.

/**
 * Files that wait most of the time, mostly for deadlines of the product: they are spread evenly among the others, so that of two
 * workers one computes while the other waits. Most use a quarter of a core while they run. The long ones come first.
 */
export const WAITING = [
  'test/integration/proxy-answers.test.ts',
  'test/conformance/dead-streams.test.ts',
  'test/conformance/open-protocol.test.ts',
  'test/integration/fuzz.test.ts',
  'test/integration/process-end.test.ts',
  'test/integration/rotation.test.ts',
  'test/conformance/bad-inputs-conditions.test.ts',
  'test/conformance/discovery-early-answers.test.ts',
  'test/conformance/engine-early-answers.test.ts',
  'test/conformance/engine-pipelines.test.ts',
  'test/conformance/ingest-faults.test.ts',
  'test/integration/hostile-proxies.test.ts',
  'test/integration/redis-failover.test.ts',
  'test/integration/revocation-failover.test.ts',
  'test/integration/proxies.test.ts',
  'test/integration/outage.test.ts',
  'test/integration/sdk.test.ts',
  'test/integration/redis-misconf.test.ts',
  'test/integration/gun.test.ts',
  'test/conformance/broker-durable.test.ts',
  'test/conformance/broker-durable-cluster.test.ts',
  'test/conformance/broker-canary.test.ts',
  'test/conformance/http-limits.test.ts',
  'test/integration/node-life.test.ts',
  'test/integration/node-states.test.ts',
  'test/integration/node-stopped.test.ts',
  'test/browser/event-source.test.ts',
  'test/browser/demo-latency.test.ts',
  'test/browser/examples.test.ts',
  'test/integration/discovery.test.ts',
  'test/integration/api-documents.test.ts',
  'test/integration/databases.test.ts',
  'test/integration/tls.test.ts',
  'test/integration/ops-port.test.ts',
  'test/integration/ingest.test.ts',
  'test/integration/wait-replicas.test.ts',
];

/** Files that are begun first, so that no suite ends with one worker that is still at one of them; others by their size. */
export const LONG = [
  'test/chaos/chaos.test.ts',
  'test/browser/scenarios.test.ts',
  'test/integration/loadtest.test.ts',
  'test/integration/doctor.test.ts',
  'test/integration/loadtest-kinds.test.ts',
  'test/integration/revocation-cluster.test.ts',
];
