// `GET /v1/ws`: decides about upgrades.

import { problemAnswer } from '../../http/problem.js';
import { FanfareError } from '../../lib/errors.js';
import { PATHS, WEBSOCKET_SUBPROTOCOL } from '../../protocol/index.js';
import { Connection } from '../clients/socket-link.js';
import type { UpgradeDecision, UpgradeRequest } from '../engines/engine.js';
import type { NodeContext } from '../node-context.js';

/**
 * Accepts what is well-formed and from an allowed origin. A full or draining node accepts too, and closes with a code:
 * a page cannot read the status of a refused upgrade.
 */
export function decideUpgrade(request: UpgradeRequest, context: NodeContext): UpgradeDecision {
  try {
    if (request.path !== PATHS.websocket) throw new FanfareError('not_found', 'WebSockets are spoken at /v1/ws');
    if (!context.options.origins.allows(request.header('origin'))) {
      throw new FanfareError('origin_denied', 'the origin is not on the allow-list');
    }
    return { accept: true, protocol: subprotocol(request), handler: new Connection(context) };
  } catch (error) {
    return { accept: false, ...problemAnswer(error) };
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
