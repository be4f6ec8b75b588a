// A WebSocket that is let in only to be told why it is not.

import type { FanfareError } from '../../lib/errors.js';
import type { EngineSocket } from '../engines/engine.js';
import { SocketLink, type SocketLinkParts } from './socket-link.js';

export class RefusedLink extends SocketLink {
  readonly #refusal: FanfareError;

  constructor(parts: SocketLinkParts, refusal: FanfareError) {
    super(parts);
    this.#refusal = refusal;
  }

  override open(socket: EngineSocket): void {
    super.open(socket);
    const { code, message, retryAfterMs } = this.#refusal;
    this.end(code, message, retryAfterMs);
  }
}
