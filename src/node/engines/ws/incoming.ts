// A request of node:http that is taken for an upgrade only where it asks for a WebSocket.

import { IncomingMessage } from 'node:http';
import { namesWebSocket } from '../refusal.js';

/** No field: node:http says it before there are any. */
const offering = new WeakSet<IncomingMessage>();

/**
 * An offer of another protocol, as Java and curl make it of HTTP/2, may be ignored (RFC 9110 section 7.8). node:http would hand
 * such a request over without its body, and asks here whether it is one.
 */
export class WsIncoming extends IncomingMessage {
  get upgrade(): boolean {
    return offering.has(this) && namesWebSocket(this.headers.upgrade);
  }

  set upgrade(offers: boolean | null) {
    if (offers) offering.add(this);
    else offering.delete(this);
  }
}
