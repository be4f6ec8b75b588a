// `GET /v1/ws`: decides about upgrades.

import type { Door } from '../../http/door.js';
import { problemAnswer } from '../../http/problem.js';
import { FanfareError } from '../../lib/errors.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import { SocketLink, type SocketLinkParts } from '../clients/socket-link.js';
import type { UpgradeDecision, UpgradeRequest } from '../engines/engine.js';

/**
 * Accepts what is well-formed and from an allowed origin. A full or draining node accepts too, and closes with a code:
 * a page cannot read the status of a refused upgrade.
 */
export class SocketDoor {
  readonly #door: Pick<Door, 'requireOrigin'>;
  readonly #link: SocketLinkParts;

  constructor(door: Pick<Door, 'requireOrigin'>, link: SocketLinkParts) {
    this.#door = door;
    this.#link = link;
  }

  decide(request: UpgradeRequest): UpgradeDecision {
    try {
      if (request.path !== PATHS.websocket) throw new FanfareError('not_found', 'WebSockets are spoken at /v1/ws');
      this.#door.requireOrigin(request.header('origin'));
      return { accept: true, protocol: subprotocol(request), handler: new SocketLink(this.#link) };
    } catch (error) {
      return { accept: false, ...problemAnswer(error) };
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
