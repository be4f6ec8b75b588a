// What the connections of one node share.

import type { Authenticator, Identity } from '../auth/identity.js';
import type { Logger } from '../lib/logger.js';
import type { RateLimiter } from '../limits/rate-limiter.js';
import type { Channels } from './channels.js';
import type { Connections } from './connections.js';
import type { PushNodeOptions } from './node-options.js';
import type { Publisher } from './publishing.js';

/** Plain counters, shared by everything that counts. */
export interface NodeCounters {
  slowConsumers: number;
  polls: number;
  rateLimited: number;
  refused: number;
}

export interface NodeContext {
  readonly options: PushNodeOptions;
  readonly authenticator: Authenticator;
  readonly channels: Channels;
  readonly connections: Connections;
  readonly publisher: Publisher;
  readonly logger: Logger;
  readonly counters: NodeCounters;
  /** A fresh limiter for one connection's commands. */
  newCommandLimiter(): RateLimiter;
  /** A fresh limiter for one connection's polls. */
  newPollLimiter(): RateLimiter;
  /** Hears of every admitted client, so that its reservation counts as claimed. */
  claim(identity: Identity): void;
  /** Throws `overloaded` or `draining` when the node takes no new link. */
  requireRoom(): void;
}
