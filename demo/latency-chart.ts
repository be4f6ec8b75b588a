// Draws the last latencies as bars on a logarithmic scale, in the colour of the transport that brought each.

import { part, shape, write } from './dom.js';
import { formatMs } from './format.js';
import { type Latencies, SHOWN_SAMPLES } from './latency.js';

/** The scale's ends, in milliseconds: what is beyond is drawn at the end. */
const LEAST_MS = 0.1;
const MOST_MS = 10_000;
const HEIGHT = 100;
const STEP = 5;
const BAR = 3.6;
/** So that even the quickest message is seen. */
const LEAST_HEIGHT = 3;

export class LatencyChart {
  readonly #svg = part('latency-chart', SVGSVGElement);
  readonly #median = part('latency-median', HTMLElement);
  readonly #p95 = part('latency-p95', HTMLElement);
  readonly #last = part('latency-last', HTMLElement);
  readonly #bars: readonly SVGRectElement[];
  readonly #latencies: Latencies;

  constructor(latencies: Latencies) {
    this.#latencies = latencies;
    this.#svg.setAttribute('viewBox', `0 0 ${SHOWN_SAMPLES * STEP} ${HEIGHT}`);
    for (const ms of [1, 10, 100, 1_000]) {
      const y = HEIGHT - heightOf(ms);
      this.#svg.append(shape('line', { class: 'grid', x1: 0, x2: SHOWN_SAMPLES * STEP, y1: y, y2: y }));
    }
    this.#bars = Array.from({ length: SHOWN_SAMPLES }, (_, index) =>
      shape('rect', { x: index * STEP, width: BAR, rx: 1, y: HEIGHT, height: 0 }),
    );
    this.#svg.append(...this.#bars);
  }

  draw(): void {
    const { recent } = this.#latencies;
    for (const [index, bar] of this.#bars.entries()) {
      // The newest stands at the right.
      const sample = recent[index - (SHOWN_SAMPLES - recent.length)];
      const height = sample ? heightOf(sample.ms) : 0;
      bar.setAttribute('height', height.toFixed(1));
      bar.setAttribute('y', (HEIGHT - height).toFixed(1));
      bar.dataset.voice = sample?.transport ?? '';
    }
    const [median, p95] = [this.#latencies.quantile(0.5), this.#latencies.quantile(0.95)];
    const last = recent.at(-1)?.ms;
    write(this.#median, show(median));
    write(this.#p95, show(p95));
    write(this.#last, show(last));
    this.#svg.setAttribute(
      'aria-label',
      last === undefined
        ? 'Latency chart: no message yet'
        : `Latency of the last ${recent.length} messages: median ${show(median)}, 95th percentile ${show(p95)}`,
    );
  }
}

function show(ms: number | undefined): string {
  return ms === undefined ? '–' : formatMs(ms);
}

function heightOf(ms: number): number {
  const share = Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(MOST_MS / LEAST_MS);
  return Math.max(LEAST_HEIGHT, Math.min(1, share) * HEIGHT);
}
