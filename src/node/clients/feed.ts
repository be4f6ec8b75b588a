// What stands between a channel and a link that is not sent everything at once.

import type { Slices } from '../../lib/slices.js';
import type { Offset } from '../../protocol/index.js';
import type { Held } from '../channels/newest.js';
import type { FollowerSink } from './follower.js';
import type { GateParts } from './gate.js';

/** While the subscription is pending it is what the follower writes to; then it listens by itself. */
export interface Feed extends FollowerSink {
  /** Behind what was sent. */
  readonly position: Offset;
  /** In the turn in which the follower has caught up. */
  goLive(): void;
  /** Idempotent. */
  end(): void;
}

/** How a link is to be fed. */
export interface FeedTerms extends Omit<GateParts, 'sink' | 'aheadBytes'> {
  /** The member of data of which only the newest of each value is sent where others have to wait; '': the newest of all; `undefined`: all are sent. */
  readonly conflateBy: string | undefined;
  /** Whether its client asked for it: else it is told by a gap before the first message that follows a hole. */
  readonly isAsked: boolean;
}

export interface FeedParts extends FeedTerms {
  readonly sink: FollowerSink;
  readonly aheadBytes: number;
  /** What is kept for its link alone. */
  readonly held: Held;
  readonly slices: Slices;
  /** The channel cannot be read. */
  readonly failed: (error: unknown) => void;
}
