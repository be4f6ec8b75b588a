// The rules of a client's position in a channel (DESIGN 3.2), pure.

import type { After, Offset } from '../src/protocol/index.js';

/** Whether a message at `offset` was already delivered, at a known position. One without an offset is live only and never was. */
export const isDelivered = (position: After, offset: Offset | undefined): boolean => !!offset && offset <= position;

/**
 * The position once a node has said `subscribed`. While one link takes over from another, delivery has gone on since
 * the position that was asked for: it never goes back. When not recovered it stays until the `gap` has come, so that
 * a link that dies in between cannot swallow the gap.
 */
export const positionAfterSubscribed = (position: After, offset: After, recovered: boolean): After =>
  position === 'now' || (recovered && offset > position) ? offset : position;
