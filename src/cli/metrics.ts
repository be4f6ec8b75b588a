// Prometheus metrics, read from plain counters when somebody asks: the hot path pays nothing.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Figures that go up and down; every other one is a counter. */
const GAUGES = new Set([
  ...['connections', 'sockets', 'streams', 'newcomers', 'waitingPolls', 'httpClients', 'channels'],
  ...['stateReady', 'stateFull', 'stateDeaf', 'stateForeign', 'stateDraining', 'discoveryUsableNodes'],
  ...[
    'eventLoopUtilization',
    'bufferedBytes',
    'discoveryNodes',
    'cachedTokens',
    'ingestHolder',
    'ingestAside',
    'historyBytes',
  ],
]);

export interface MetricsSource {
  /** Becomes part of each name: `fanfare_<name>`. */
  readonly labels: Readonly<Record<string, string>>;
  stats(): Readonly<Record<string, number>>;
}

/** The text of `/metrics`, and its content type. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Chosen: never, in the life of a process. */
const NEVER_MS = 2 ** 31 - 1;
const LAG = 'nodejs_eventloop_lag_';

/**
 * The library's default metrics, without how long turns of the event loop took: for these it wakes the process a hundred times
 * a second, which cost an idle node more than ten thousand links do. What is asked for when somebody asks stays.
 */
function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: NEVER_MS });
  for (const { name } of register.getMetricsAsArray()) {
    if (name.startsWith(LAG) && name !== `${LAG}seconds`) register.removeSingleMetric(name);
  }
}

/** `waitingPolls` as `fanfare_waiting_polls`, a counter with `_total`. */
export function createMetrics({ labels, stats }: MetricsSource): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ ...labels });
  collectProcessMetrics(registry);
  const known = new Set<string>();
  /** Read once for each scrape. */
  let latest: Readonly<Record<string, number>> = {};

  function add(key: string): void {
    known.add(key);
    const name = `fanfare_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    const help = `${key} of the process`;
    const registers = [registry];
    const read = () => latest[key] ?? 0;
    if (GAUGES.has(key)) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    } else {
      new Counter({
        name: `${name}_total`,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    }
  }

  return {
    contentType: registry.contentType,
    text() {
      // Counters may appear while the process runs; names are ours, so there is an end to them.
      latest = stats();
      for (const key of Object.keys(latest)) if (!known.has(key)) add(key);
      return registry.metrics();
    },
  };
}
