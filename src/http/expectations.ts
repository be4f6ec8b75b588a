// What a request expects of its server, on node:http: `100-continue` it gets, and everything else is left aside.

import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';

/**
 * node:http would answer a bare 417, without a problem and without what lets a page read it. RFC 9110 section 10.1.1 leaves the choice, and
 * uWebSockets.js serves such a request.
 */
export function ignoreExpectations(server: Server | TlsServer): void {
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}
