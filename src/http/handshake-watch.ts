// What a node or discovery lets one address have of handshakes, and what it says of those that it refuses.

import type { Logger } from '../lib/logger.js';
import type { ClientAddress } from './client-address.js';
import type { HandshakeBound } from './handshakes.js';

export class HandshakeWatch implements HandshakeBound {
  readonly max: number;
  /** Sockets that were refused. */
  refusals = 0;
  readonly #addresses: ClientAddress;
  readonly #logger: Logger;

  /** Of one address; 0 bounds nobody. */
  constructor(max: number, addresses: ClientAddress, logger: Logger) {
    this.max = max;
    this.#addresses = addresses;
    this.#logger = logger;
  }

  isShared(address: string): boolean {
    return this.#addresses.trusts(address);
  }

  refused(address: string): void {
    this.refusals++;
    if (this.refusals > 1) return;
    const { max } = this;
    this.#logger.warn(
      { address, max },
      'an address has too many sockets that show nothing: more are refused; a proxy belongs into trustedProxies',
    );
  }
}
