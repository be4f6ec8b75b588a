// What a delivery costs against how many subscribers one channel has.

import type { Lab } from '../lab.js';
import type { Curve, Effort, Outline } from './curve.js';
import { drawFlooded, type Flooded, serverUsPerDelivery, serverUsPerMessage } from './flooded.js';
import { openGround } from './ground.js';

/** Chosen for a second or two of the server's CPU in each window, and for no more messages than Redis takes in that time. */
const DELIVERIES = 3_840_000;
const MOST_MESSAGES = 32_000;

const OUTLINE: Outline = {
  name: 'subscribers',
  what: 'A delivery, against the subscribers of one channel',
  x: 'subscribers',
  unit: 'µs of the server for each delivery',
  digits: 2,
};
const PER_MESSAGE: Outline = {
  name: 'subscribers-message',
  what: 'A message, against the few subscribers of one channel',
  x: 'subscribers',
  unit: 'µs of the server for each message',
  digits: 1,
};
/** Beyond it a message is nothing but its deliveries. */
const FEW = 100;

/** A node that may have 20,000 files open has room for 19,488 links: what is left is for Redis, logs and sockets that are refused. */
export const SUBSCRIBERS: Flooded = {
  what: OUTLINE.what,
  xs: [1, 10, 100, 1_000, 10_000, 19_000],
  kinds: [{ kind: 'bare' }, { kind: 'uws' }, { kind: 'ws' }],
  readings: [
    { outline: OUTLINE, value: serverUsPerDelivery },
    { outline: PER_MESSAGE, value: serverUsPerMessage, upTo: FEW },
  ],
  messages: (subscribers) => Math.min(MOST_MESSAGES, DELIVERIES / subscribers),
  open: (lab, kind, clients) => openGround(lab, { kind, clients }),
};

export function drawSubscribers(lab: Lab, effort: Effort): Promise<readonly Curve[]> {
  return drawFlooded(lab, effort, SUBSCRIBERS);
}
