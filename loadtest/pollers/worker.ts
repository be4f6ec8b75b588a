// A process with a part of the pollers: told by its parent how many, and asked what they have seen.

import { Poller, type PollerTarget } from './poller.js';
import { emptyTally, LateTimes, type Tally } from './tally.js';

/** What the parent says. */
export type Order =
  | { readonly type: 'open'; readonly target: PollerTarget; readonly count: number; readonly perSecond: number }
  /** Forgets what was seen so far. */
  | { readonly type: 'reset' }
  | { readonly type: 'report' }
  | { readonly type: 'close' };

/** What it is answered. */
export interface PollersReport {
  readonly pollers: number;
  /** Of them those that have been answered. */
  readonly live: number;
  readonly tally: Tally;
}

/** Chosen: so often, some are opened. */
const STEP_MS = 50;

const late = new LateTimes();
const tally = emptyTally();
let pollers: Poller[] = [];
let wanted = 0;
let opening: NodeJS.Timeout | undefined;

process.on('message', (order: Order) => {
  switch (order.type) {
    case 'open':
      return open(order);
    case 'reset':
      Object.assign(tally, emptyTally());
      late.take();
      return;
    case 'report':
      return report();
    case 'close':
      clearInterval(opening);
      for (const poller of pollers) poller.close();
      [pollers, wanted] = [[], 0];
  }
});
process.once('disconnect', () => process.exit());

function open({ target, count, perSecond }: Order & { readonly type: 'open' }): void {
  const queue = Array.from({ length: count }, () => target);
  wanted += count;
  clearInterval(opening);
  opening = setInterval(() => {
    for (const one of queue.splice(0, Math.ceil((perSecond * STEP_MS) / 1_000))) {
      pollers.push(new Poller(one, tally, late));
    }
    if (queue.length === 0) clearInterval(opening);
  }, STEP_MS);
}

function report(): void {
  const live = pollers.filter(({ isLive }) => isLive).length;
  const said: PollersReport = { pollers: wanted, live, tally: { ...tally, lateMs: late.take() } };
  process.send?.(said);
}
