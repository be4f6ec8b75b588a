// What a node tells its engine: where it listens, and the bounds of requests and sockets.

import type { HandshakeBound } from '../http/handshakes.js';
import type { EngineOptions } from './engines/engine.js';
import type { PushNodeOptions } from './node-options.js';

const MAX_HEADER_BYTES = 16 * 1024;
const MAX_URL_BYTES = 4 * 1024;
/** Sockets beyond the clients' that may be open: polls between requests, health checks, refusals. */
const SPARE_SOCKETS = 256;

export function engineOptionsOf(options: PushNodeOptions, handshakes: HandshakeBound): EngineOptions {
  const { host, port, tls, maxFrameBytes, maxBufferedBytes, maxConnections } = options;
  return {
    host,
    port,
    maxFrameBytes,
    maxBufferedBytes,
    maxSockets: maxConnections + SPARE_SOCKETS,
    handshakes,
    maxHeaderBytes: MAX_HEADER_BYTES,
    maxUrlBytes: MAX_URL_BYTES,
    tls,
  };
}
