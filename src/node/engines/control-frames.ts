// Pings and pongs of a peer, which no limit counts: a few are a sign of life, thousands are the node's time.

import { CLOSE, LIMITS } from '../../protocol/index.js';

/** What a link that brings too many of them ends with. */
export const TOO_MANY_CONTROLS = {
  code: CLOSE.rateLimited,
  reason: `rate_limited: more than ${LIMITS.controlFramesPerSecond} control frames within a second`,
} as const;

const COUNT_BITS = 8;
const MOST = 2 ** COUNT_BITS - 1;
/** So that both fit into a small integer: sockets are many. */
const SECONDS = 2 ** 20;

/** How many have come in which second, in one number; 0: none. */
export function countControl(before: number): number {
  const second = Math.floor(performance.now() / 1_000) % SECONDS;
  const count = before >> COUNT_BITS === second ? before & MOST : 0;
  return (second << COUNT_BITS) | Math.min(MOST, count + 1);
}

export function isTooMany(controls: number): boolean {
  return (controls & MOST) > LIMITS.controlFramesPerSecond;
}
