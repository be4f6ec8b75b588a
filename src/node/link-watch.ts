// What watches a node's links: what they leave unread, whose peers have vanished, and which addresses open too many that show nothing.

import { ClientAddress } from '../http/client-address.js';
import { HandshakeWatch } from '../http/handshake-watch.js';
import type { Logger } from '../lib/logger.js';
import { residentMemory } from '../lib/resident-memory.js';
import { BufferBudget } from './clients/buffer-budget.js';
import { DeadStreams } from './clients/dead-streams.js';
import type { Links } from './clients/links.js';
import type { PushNodeOptions } from './node-options.js';

export type LinkWatchOptions = Pick<PushNodeOptions, 'maxBufferedTotal' | 'trustedProxies' | 'handshakesPerAddress'>;

export class LinkWatch {
  readonly handshakes: HandshakeWatch;
  readonly #links: Links;
  readonly #buffers: BufferBudget;
  readonly #deadStreams: DeadStreams;
  #port = 0;

  constructor(links: Links, options: LinkWatchOptions, logger: Logger) {
    const addresses = new ClientAddress(options.trustedProxies);
    this.handshakes = new HandshakeWatch(options.handshakesPerAddress, addresses, logger);
    this.#links = links;
    this.#buffers = new BufferBudget({ links, maxBytes: options.maxBufferedTotal, residentBytes: residentMemory() });
    this.#deadStreams = new DeadStreams({ peers: () => links.silentPeers(), port: () => this.#port });
  }

  /** `port` is the one that the node listens on. */
  start(port: number): void {
    this.#port = port;
    this.#buffers.start();
    this.#deadStreams.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#buffers.stop();
    this.#deadStreams.stop();
  }

  stats(): Readonly<Record<string, number>> {
    return {
      newcomers: this.#links.newcomers.size,
      bufferedBytes: this.#buffers.waitingBytes(),
      handshakesRefused: this.handshakes.refusals,
      deadStreams: this.#deadStreams.found,
    };
  }
}
