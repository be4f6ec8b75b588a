// What a delivery costs against how many channels a node has, each with one subscriber.

import type { Lab } from '../lab.js';
import type { Curve, Effort, Outline } from './curve.js';
import { drawFlooded, type Flooded, serverUsPerDelivery } from './flooded.js';
import { openGround } from './ground.js';

/** A link may have 128 channels; these have 100 each where there are the most. */
const LINKS = 2_000;
/** Distinct ones of them in a window, each with a message at least. */
const MOST_PUBLISHED = 32_000;
const MESSAGES = 32_000;

const OUTLINE: Outline = {
  name: 'channels',
  what: 'A delivery, against the channels of a node',
  x: 'channels',
  unit: 'µs of the server for each delivery',
  digits: 1,
};

/** There are 2,000 links always: those without a channel of their own share one that nothing is published to. */
export const CHANNELS: Flooded = {
  what: OUTLINE.what,
  xs: [1, 10, 100, 1_000, 10_000, 100_000, 200_000],
  // The bare loop's links have one topic each.
  kinds: [{ kind: 'bare', upTo: LINKS }, { kind: 'uws' }, { kind: 'ws' }],
  readings: [{ outline: OUTLINE, value: serverUsPerDelivery }],
  messages: () => MESSAGES,
  open: (lab, kind, channels) => {
    const clients = Math.min(channels, LINKS);
    const channelsEach = channels / clients;
    return openGround(lab, { kind, clients, channelsEach, idle: LINKS - clients, mostPublished: MOST_PUBLISHED });
  },
};

export function drawChannels(lab: Lab, effort: Effort): Promise<readonly Curve[]> {
  return drawFlooded(lab, effort, CHANNELS);
}
