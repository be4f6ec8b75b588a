// The server of node:http, or of node:https, that the ws engine stands on.

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { countedIncoming } from '../../../http/counted-incoming.js';
import { ignoreExpectations } from '../../../http/expectations.js';
import type { OneAnswer } from '../../../http/one-answer.js';
import type { EngineOptions } from '../engine.js';
import { namesWebSocket } from '../refusal.js';

/** Slow headers and slow bodies are cut, as uWebSockets.js does. */
const REQUEST_TIMEOUT_MS = 10_000;
const TIMEOUT_CHECK_MS = 1_000;
/** As uWebSockets.js: whoever keeps connections to nodes has one rule, and a silent peer costs none for long. */
const KEEP_ALIVE_MS = 10_000;

/** An offer of another protocol, as Java and curl make it of HTTP/2, may be ignored (RFC 9110 section 7.8). */
const asksForUpgrade = ({ headers }: IncomingMessage) => namesWebSocket(headers.upgrade);

/** Nothing listens yet. */
export function httpServer(
  { maxHeaderBytes, maxUrlBytes, tls }: EngineOptions,
  answers: OneAnswer,
): Server | TlsServer {
  const options = {
    IncomingMessage: countedIncoming(answers, asksForUpgrade) as typeof IncomingMessage,
    // node:http counts the URL in, and answers before we could: its cap only bounds memory.
    maxHeaderSize: maxHeaderBytes + maxUrlBytes + 1024,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    noDelay: true,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, cert: tls.cert, key: tls.key, handshakeTimeout: REQUEST_TIMEOUT_MS });
  server.maxHeadersCount = 0;
  ignoreExpectations(server);
  return server;
}
