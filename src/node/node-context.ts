// What the connections of one node share.

import type { Authenticator, Identity } from '../auth/identity.js';
import type { Logger } from '../lib/logger.js';
import type { Channels } from './channels/channels.js';
import type { NamedLimit } from './clients/budget.js';
import type { HttpClients } from './clients/http-clients.js';
import type { Connections } from './clients/links.js';
import type { Publisher } from './clients/publisher.js';
import type { PushNodeOptions } from './node-options.js';

/** Plain counters, shared by everything that counts. */
export interface NodeCounters {
  slowConsumers: number;
  polls: number;
  /** Commands and requests over a rate limit. */
  rateLimited: number;
  /** Links turned away: no room, or no good token. */
  refused: number;
}

export interface NodeContext {
  readonly options: PushNodeOptions;
  readonly authenticator: Authenticator;
  readonly channels: Channels;
  readonly connections: Connections;
  readonly clients: HttpClients;
  readonly commandLimit: NamedLimit;
  readonly publisher: Publisher;
  readonly logger: Logger;
  readonly counters: NodeCounters;
  /** Hears of every admitted client, so that its reservation counts as claimed. */
  claim(identity: Identity): void;
  /** Throws `overloaded` or `draining` when the node takes no new link. */
  requireRoom(): void;
}
