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
    'revokedNames',
    'revocationFilterBytes',
  ],
]);

/** Figures by what they count, such as `refusals.bad_field`: the label of what stands behind the dot. */
const LABELS: Readonly<Record<string, string>> = {
  refusals: 'code',
  discoveryRefusals: 'code',
  damaged: 'cause',
};

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

/** The figure, and the value of its label where it has one. */
function partsOf(key: string): readonly [figure: string, value: string | undefined] {
  const [figure = '', value] = key.split('.', 2);
  return [figure, value];
}

function labelled(stats: Readonly<Record<string, number>>, figure: string): readonly (readonly [string, number])[] {
  const all = Object.entries(stats).map(([key, count]) => [...partsOf(key), count] as const);
  return all.flatMap(([name, value, count]) => (name === figure && value !== undefined ? [[value, count]] : []));
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
    const label = LABELS[key];
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
        labelNames: label === undefined ? [] : [label],
        collect() {
          this.reset();
          if (label === undefined) this.inc(read());
          else for (const [value, count] of labelled(latest, key)) this.inc({ [label]: value }, count);
        },
      });
    }
  }

  return {
    contentType: registry.contentType,
    text() {
      // Counters may appear while the process runs; names are ours, so there is an end to them.
      latest = stats();
      for (const [key] of Object.keys(latest).map(partsOf)) if (!known.has(key)) add(key);
      return registry.metrics();
    },
  };
}
