// Prometheus metrics, read from plain counters when somebody asks: the hot path pays nothing.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { LEFT_OUT, METRICS, type MetricInfo } from './metric-table.js';

export interface MetricsSource {
  /** Of each metric. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of `fanfare_build_info`. */
  build(): Readonly<Record<string, string>>;
  stats(): Readonly<Record<string, number>>;
}

/** The text of `/metrics`, and its content type. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Chosen: never, in the life of a process. */
const NEVER_MS = 2 ** 31 - 1;
const BUILD = 'fanfare_build_info';
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

/** The figure's key, and what stands behind its dot. */
function partsOf(key: string): readonly [figure: string, value: string | undefined] {
  const at = key.indexOf('.');
  return at === -1 ? [key, undefined] : [key.slice(0, at), key.slice(at + 1)];
}

/** What a figure without an entry of the table is called; a test holds that none of ours is. */
function unknown(key: string): MetricInfo {
  const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return { name: `${name}_total`, type: 'counter', help: `${key} of the process.` };
}

/** A scrape's values of one metric: of its label, and the figure. */
type Values = readonly (readonly [value: string | undefined, figure: number])[];

/** All metrics of a scrape by their names. */
function valuesOf(stats: Readonly<Record<string, number>>): Map<string, { info: MetricInfo; values: Values }> {
  const metrics = new Map<string, { info: MetricInfo; values: [string | undefined, number][] }>();
  for (const [key, figure] of Object.entries(stats)) {
    const [stem, value] = partsOf(key);
    if (LEFT_OUT.has(stem)) continue;
    const info = METRICS[stem] ?? unknown(stem);
    const metric = metrics.get(info.name) ?? { info, values: [] };
    metric.values.push([info.label?.[1] ?? value, figure]);
    metrics.set(info.name, metric);
  }
  return metrics;
}

/** One whose counts were made elsewhere: of each bound, their number, and their sum. */
class ReadHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #values: () => Values;

  constructor(
    parts: { readonly name: string; readonly help: string; readonly registers: Registry[] },
    values: () => Values,
  ) {
    super(parts);
    this.#name = parts.name;
    this.#help = parts.help;
    this.#values = values;
  }

  /** What its registry asks. */
  async getForPromString() {
    const [name, figures] = [this.#name, new Map(this.#values())];
    const named = (part: string, value = 0, labels = {}) => ({ metricName: `${name}_${part}`, labels, value });
    const bounds = [...figures].filter(([bound]) => bound !== 'count' && bound !== 'sum');
    const [sum, count] = [figures.get('sum'), figures.get('count')];
    const buckets = [...bounds, ['+Inf', count] as const].map(([le, value]) => named('bucket', value, { le }));
    return {
      name,
      help: this.#help,
      type: 'histogram',
      values: [...buckets, named('sum', sum), named('count', count)],
    };
  }
}

/** `waitingPolls` as `fanfare_waiting_polls`: see the table. */
export function createMetrics({ labels, build, stats }: MetricsSource): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ ...labels });
  collectProcessMetrics(registry);
  const known = new Set<string>();
  /** Read once for each scrape. */
  let latest: ReturnType<typeof valuesOf> = new Map();

  function add({ name, type, help, label }: MetricInfo): void {
    known.add(name);
    const labelNames = label === undefined ? [] : [label[0]];
    const parts = { name: `fanfare_${name}`, help, labelNames, registers: [registry] };
    const each = (take: (labels: Record<string, string>, figure: number) => void) => {
      for (const [value, figure] of latest.get(name)?.values ?? []) {
        take(label === undefined || value === undefined ? {} : { [label[0]]: value }, figure);
      }
    };
    if (type === 'histogram') new ReadHistogram(parts, () => latest.get(name)?.values ?? []);
    else if (type === 'gauge') {
      new Gauge({
        ...parts,
        collect() {
          each((labels, figure) => this.set(labels, figure));
        },
      });
    } else {
      new Counter({
        ...parts,
        collect() {
          this.reset();
          each((labels, figure) => this.inc(labels, figure));
        },
      });
    }
  }

  /** Not before the engine is known. */
  function addBuild(): void {
    known.add(BUILD);
    const labels = { ...build() };
    const help = 'Always 1: what runs here.';
    new Gauge({ name: BUILD, help, labelNames: Object.keys(labels), registers: [registry] }).set(labels, 1);
  }

  return {
    contentType: registry.contentType,
    text() {
      // Counters may appear while the process runs; names are ours, so there is an end to them.
      latest = valuesOf(stats());
      if (!known.has(BUILD)) addBuild();
      for (const { info } of latest.values()) if (!known.has(info.name)) add(info);
      return registry.metrics();
    },
  };
}
