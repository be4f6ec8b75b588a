// What a publish and a delivery cost against how many messages the channel keeps.

import type { Lab } from '../lab.js';
import { makePayload } from '../payload.js';
import { encodeLogged, encodePublish, type Publisher } from '../publisher.js';
import type { Curve, Effort, Outline } from './curve.js';
import { drawFlooded, type Flooded, redisUsPerMessage, serverUsPerDelivery } from './flooded.js';
import { openGround } from './ground.js';

const SUBSCRIBERS = 100;
const MESSAGES = 25_600;
const PAYLOAD_BYTES = 128;
const AT_ONCE = 1_000;

const OUTLINE: Outline = {
  name: 'history',
  what: 'A delivery, against the messages that its channel keeps',
  x: 'messages kept',
  unit: 'µs of the server for each delivery',
  digits: 2,
};
const REDIS: Outline = {
  name: 'history-redis',
  what: 'A publish in Redis, against the messages that its channel keeps',
  x: 'messages kept',
  unit: 'µs of Redis for each message',
  digits: 1,
};

/** The channel keeps so many before the first window begins; of none kept the messages are live-only. */
export const HISTORY: Flooded = {
  what: OUTLINE.what,
  xs: [0, 10, 100, 1_000, 10_000],
  kinds: [{ kind: 'uws' }, { kind: 'ws' }],
  readings: [
    { outline: OUTLINE, value: serverUsPerDelivery },
    { outline: REDIS, value: redisUsPerMessage },
  ],
  messages: () => MESSAGES,
  open: (lab, kind, kept) => openKeeping(lab, kind, kept, SUBSCRIBERS),
};

export function openKeeping(lab: Lab, kind: 'uws' | 'ws' | 'bare', kept: number, clients: number) {
  const namespaces = { default: { historySize: Math.max(1, kept) } };
  return openGround(lab, {
    ...{ kind, clients, env: { FANFARE_NAMESPACES: JSON.stringify(namespaces) } },
    encode: kept === 0 ? encodePublish : encodeLogged,
    prepare: (publisher) => fill(publisher, kept),
  });
}

async function fill(publisher: Publisher, messages: number): Promise<void> {
  const message = encodeLogged('news', makePayload(PAYLOAD_BYTES, 0, 0));
  for (let sent = 0; sent < messages; ) {
    const count = Math.min(AT_ONCE, messages - sent);
    publisher.send(Buffer.concat(Array.from({ length: count }, () => message)), count);
    await publisher.settled();
    sent += count;
  }
}

export function drawHistory(lab: Lab, effort: Effort): Promise<readonly Curve[]> {
  return drawFlooded(lab, effort, HISTORY);
}
