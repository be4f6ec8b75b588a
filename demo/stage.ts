// The four transports as voices that fan out from the node: one is chosen, and each message travels along it.

import type { Transport } from '../client-sdk/types.js';
import { part, shape, write } from './dom.js';
import { formatMs } from './format.js';
import type { Latencies } from './latency.js';
import type { Choice } from './receiver.js';

const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'] as const satisfies readonly Transport[];
const PULSE_MS = 700;
const STAGGER_MS = 35;
/** Pulses under way at once: a flood needs no more to look like one. */
const MAX_PULSES = 24;
const SOURCE_X = 14;
/** Share of the way at which the bell begins to open. */
const FLARE = 0.62;

export class Stage {
  readonly #svg = part('fan', SVGSVGElement);
  readonly #curves = new Map<Transport, SVGPathElement>();
  readonly #source = shape('circle', { class: 'source', r: 6 });
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)');
  #pulses = 0;

  constructor(choose: (choice: Choice) => void) {
    for (const transport of TRANSPORTS) {
      const curve = shape('path', { class: 'curve', 'data-voice': transport, pathLength: 100 });
      this.#curves.set(transport, curve);
      this.#svg.append(curve);
    }
    this.#svg.append(this.#source);
    for (const choice of [...TRANSPORTS, 'auto'] as const) {
      const input = part(`transport-${choice}`, HTMLInputElement);
      input.addEventListener('change', () => choose(choice));
    }
    new ResizeObserver(() => this.#layOut()).observe(this.#svg);
  }

  /** Shows which choice holds; which curve is lit follows from the page's voice. */
  select(choice: Choice): void {
    part(`transport-${choice}`, HTMLInputElement).checked = true;
  }

  /** Draws the curve that delivers above the others. */
  raise(transport: Transport): void {
    const curve = this.#curves.get(transport);
    if (curve !== undefined) this.#source.before(curve);
  }

  showMedians(latencies: Latencies): void {
    for (const transport of TRANSPORTS) {
      const median = latencies.median(transport);
      write(part(`median-${transport}`, HTMLElement), median === undefined ? '' : formatMs(median));
    }
  }

  /** One message on its way from the node to here. */
  pulse(transport: Transport): void {
    const curve = this.#curves.get(transport);
    if (curve === undefined || this.#pulses >= MAX_PULSES || this.#still.matches || document.hidden) return;
    const pulse = shape('path', {
      class: 'pulse',
      'data-voice': transport,
      pathLength: 100,
      d: curve.getAttribute('d') ?? '',
    });
    const delay = this.#pulses++ * STAGGER_MS;
    this.#svg.append(pulse);
    const run = pulse.animate([{ strokeDashoffset: 8 }, { strokeDashoffset: -100 }], {
      duration: PULSE_MS,
      delay,
      fill: 'both',
      easing: 'cubic-bezier(0.3, 0, 0.4, 1)',
    });
    run.onfinish = () => {
      this.#pulses--;
      pulse.remove();
    };
  }

  /** Each curve ends at its own transport's row, wherever the layout has put it. */
  #layOut(): void {
    const box = this.#svg.getBoundingClientRect();
    this.#svg.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
    const ends = TRANSPORTS.map((transport) => {
      const row = part(`voice-${transport}`, HTMLElement).getBoundingClientRect();
      return row.top + row.height / 2 - box.top;
    });
    const sourceY = ((ends[0] ?? 0) + (ends.at(-1) ?? 0)) / 2;
    this.#source.setAttribute('cx', String(SOURCE_X));
    this.#source.setAttribute('cy', String(sourceY));
    for (const [index, transport] of TRANSPORTS.entries()) {
      const end = ends[index] ?? 0;
      const bend = SOURCE_X + (box.width - SOURCE_X) * FLARE;
      this.#curves
        .get(transport)
        ?.setAttribute('d', `M${SOURCE_X} ${sourceY} C${bend} ${sourceY} ${bend} ${end} ${box.width} ${end}`);
    }
  }
}
