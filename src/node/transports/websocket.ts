// `GET /v1/ws`: decides about upgrades.

import { randomUUID } from 'node:crypto';
import { problemAnswer } from '../../http/problem.js';
import { hasRequestId } from '../../http/refusals.js';
import { FanfareError } from '../../lib/errors.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import { SocketLink, type SocketLinkParts } from '../clients/socket-link.js';
import type { UpgradeDecision, UpgradeRequest } from '../engines/engine.js';

/**
 * Accepts what is well-formed and from an allowed origin. A full or draining node accepts too, and closes with a code:
 * a page cannot read the status of a refused upgrade.
 */
export class SocketDoor {
  readonly #door: Pick<Admission, 'requireOrigin' | 'addressOf' | 'refuse'>;
  readonly #link: SocketLinkParts;
  readonly #mayBeNameless: boolean;

  /** `mayBeNameless`: whether clients come that have no user's name, and whom the limits count by address. */
  constructor(
    door: Pick<Admission, 'requireOrigin' | 'addressOf' | 'refuse'>,
    link: SocketLinkParts,
    mayBeNameless: boolean,
  ) {
    this.#door = door;
    this.#link = link;
    this.#mayBeNameless = mayBeNameless;
  }

  decide(request: UpgradeRequest): UpgradeDecision {
    try {
      if (request.path !== PATHS.websocket) throw new FanfareError('not_found', 'WebSockets are spoken at /v1/ws');
      this.#door.requireOrigin(request.header('origin'));
      const protocol = subprotocol(request);
      const address = this.#mayBeNameless ? this.#door.addressOf(request) : undefined;
      return { accept: true, protocol, handler: new SocketLink(this.#link, address) };
    } catch (error) {
      const requestId = hasRequestId(error) ? randomUUID() : undefined;
      this.#door.refuse(error, { requestId, origin: request.header('origin') });
      return { accept: false, ...problemAnswer(error, requestId) };
    }
  }
}

function subprotocol(request: UpgradeRequest): string | undefined {
  const offered = request.header('sec-websocket-protocol');
  if (offered === undefined) return undefined;
  const names = offered.split(',', 32).map((name) => name.trim());
  if (names.includes(WEBSOCKET_SUBPROTOCOL)) return WEBSOCKET_SUBPROTOCOL;
  throw new FanfareError(
    'unsupported_protocol',
    `Sec-WebSocket-Protocol: ${WEBSOCKET_SUBPROTOCOL} is spoken here, or none`,
  );
}
