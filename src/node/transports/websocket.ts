// `GET /v1/ws`: decides about upgrades.

import { randomUUID } from 'node:crypto';
import { problemAnswer } from '../../http/problem.js';
import { hasRequestId } from '../../http/refusals.js';
import { FanfareError } from '../../lib/errors.js';
import { RateLimited } from '../../limits/subject-limit.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import type { Admission } from '../admission.js';
import { RefusedLink } from '../clients/refused-link.js';
import { SocketLink, type SocketLinkParts } from '../clients/socket-link.js';
import type { UpgradeDecision, UpgradeRequest } from '../engines/engine.js';

/**
 * Accepts what is well-formed and from an allowed origin. A full or draining node accepts too, and closes with a code:
 * a page cannot read the status of a refused upgrade.
 */
export class SocketDoor {
  readonly #door: UpgradeDoor;
  readonly #link: SocketLinkParts;
  readonly #needsAddress: boolean;

  /** `mayBeNameless`: whether clients come that have no user's name, and whom the limits count by address. */
  constructor(door: UpgradeDoor, link: SocketLinkParts, mayBeNameless: boolean) {
    this.#door = door;
    this.#link = link;
    this.#needsAddress = mayBeNameless || door.needsAddress || door.countsAddresses;
  }

  decide(request: UpgradeRequest): UpgradeDecision {
    try {
      if (request.path !== PATHS.websocket) throw new FanfareError('not_found', 'WebSockets are spoken at /v1/ws');
      this.#door.requireOrigin(request.header('origin'));
      const protocol = subprotocol(request);
      const address = this.#needsAddress ? this.#door.addressOf(request) : undefined;
      const refusal = this.#refusalOf(address);
      const handler = refusal ? new RefusedLink(this.#link, refusal) : new SocketLink(this.#link, address);
      return { accept: true, protocol, handler };
    } catch (error) {
      const requestId = hasRequestId(error) ? randomUUID() : undefined;
      this.#door.refuse(error, { requestId, origin: request.header('origin') });
      return { accept: false, ...problemAnswer(error, requestId) };
    }
  }

  /** Whose address has called too often is let in to be told so. */
  #refusalOf(address: string | undefined): RateLimited | undefined {
    if (!this.#door.countsAddresses) return undefined;
    try {
      this.#door.arrive({ address }, this.#door.nowMs());
      return undefined;
    } catch (error) {
      if (!(error instanceof RateLimited)) throw error;
      this.#door.count(error);
      return error;
    }
  }
}

type UpgradeDoor = Pick<
  Admission,
  'requireOrigin' | 'addressOf' | 'refuse' | 'needsAddress' | 'countsAddresses' | 'arrive' | 'nowMs' | 'count'
>;

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
