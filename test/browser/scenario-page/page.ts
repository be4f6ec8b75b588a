// The scenario page: it plays its part itself, or has a worker play it, as its address says.

import { createHost, type Host, type Known, type Order } from './host.js';

const load = (path: string): Promise<unknown> => import(path);

/** A worker's end of the line, the same for both kinds. */
interface Line {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(order: Order): void;
}

/** Plays by a worker, which tells again and again what it knows. */
const relay = (line: Line): Host => {
  let known: Known | null = null;
  line.onmessage = ({ data }) => {
    known = data;
  };
  return { obey: (order) => line.postMessage(order), look: () => known as unknown as Known };
};

const open = (): Host => {
  const options = { type: 'module' } as const;
  switch (location.search) {
    case '?worker':
      return relay(new Worker('/scenario-worker.js', options));
    case '?shared-worker':
      return relay(new SharedWorker('/scenario-worker.js', options).port);
    default:
      return createHost(location.origin, load);
  }
};

Object.assign(globalThis, { scenario: open() });
