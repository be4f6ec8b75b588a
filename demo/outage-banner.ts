// Tells the story of an outage while it lasts, and its verdict afterwards.

import { part, write } from './dom.js';
import { formatMs, plural, type ToldGap } from './format.js';
import type { OutageReport } from './outage.js';

export class OutageBanner {
  readonly #box = part('outage', HTMLElement);
  readonly #title = part('outage-title', HTMLElement);
  readonly #detail = part('outage-detail', HTMLElement);
  readonly #announcer = part('announcer', HTMLElement);
  readonly #restore = part('outage-restore', HTMLButtonElement);
  readonly #dismiss = part('outage-dismiss', HTMLButtonElement);

  constructor(restore: () => void) {
    this.#restore.addEventListener('click', restore);
    this.#dismiss.addEventListener('click', () => {
      this.#box.hidden = true;
    });
  }

  show(report: OutageReport, networkIsCut: boolean): void {
    const { title, detail } = networkIsCut
      ? whileCut(report)
      : report.phase === 'over'
        ? verdict(report)
        : underWay(report);
    const sound = report.repeated === 0 && report.inOrder;
    const phase = networkIsCut ? 'cut' : report.phase;
    // Only what is new is spoken, not each count.
    if (this.#box.hidden || this.#box.dataset.phase !== phase) write(this.#announcer, `${title}. ${detail}`);
    this.#box.hidden = false;
    this.#box.dataset.phase = phase;
    this.#box.dataset.verdict = sound ? (report.gone > 0 ? 'gap' : 'whole') : 'broken';
    Object.assign(this.#box.dataset, {
      missed: String(report.missed),
      recovered: String(report.recovered),
      repeated: String(report.repeated),
    });
    this.#restore.hidden = !networkIsCut;
    this.#dismiss.hidden = report.phase !== 'over';
    write(this.#title, title);
    write(this.#detail, detail);
  }

  /** A gap that no outage explains. */
  showGap({ title, detail }: ToldGap): void {
    this.#box.hidden = false;
    Object.assign(this.#box.dataset, { phase: 'over', verdict: 'gap' });
    this.#restore.hidden = true;
    this.#dismiss.hidden = false;
    write(this.#title, title);
    write(this.#detail, detail);
    write(this.#announcer, `${title}. ${detail}`);
  }
}

interface Story {
  readonly title: string;
  readonly detail: string;
}

function whileCut({ missed }: OutageReport): Story {
  return {
    title: 'The network is cut',
    detail: `${plural(missed, 'message was', 'messages were')} published meanwhile through another connection. You have seen none of them; history keeps them for you.`,
  };
}

function underWay({ missed, recovered }: OutageReport): Story {
  return {
    title: 'The network is back',
    detail:
      recovered === 0
        ? `${plural(missed, 'message')} to catch up with, as soon as the client is connected.`
        : `${recovered} of ${missed} missed messages recovered so far.`,
  };
}

function verdict({ missed, recovered, gone, repeated, inOrder, lastedMs }: OutageReport): Story {
  const title = `Back after ${formatMs(lastedMs)}`;
  if (missed === 0) return { title, detail: 'Nothing was published meanwhile, so there was nothing to recover.' };
  if (repeated > 0 || !inOrder) {
    const wrong = [repeated > 0 ? `${repeated} came more than once` : '', inOrder ? '' : 'the order was wrong'];
    return {
      title,
      detail: `${recovered} of ${missed} recovered, but ${wrong.filter(Boolean).join(' and ')}: please report this.`,
    };
  }
  if (gone > 0) {
    return {
      title,
      detail: `${recovered} of ${missed} recovered. History no longer held the other ${gone}, and the gap below says so.`,
    };
  }
  return {
    title,
    detail:
      missed === 1
        ? 'The one missed message was recovered, exactly once.'
        : `All ${missed} missed messages were recovered, in order, each exactly once.`,
  };
}
