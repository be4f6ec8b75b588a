// Serves operators on a port of their own, where one is configured: past proxies, and past whatever clients do to the other one.

import { createDiscoveryServer, type RequestHandler } from '../../discovery/server.js';
import type { Config } from '../config/schema.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import type { Probe } from './probes.js';
import { problemResponse } from './problem-response.js';

/** Chosen: scrapers, probes and people. So many of the descriptors that are kept free of clients are theirs. */
const MAX_CONNECTIONS = 32;

export interface OpsServer {
  /** Resolves with its URL, `undefined` where no port is configured; rejects when the address cannot be had. */
  start(): Promise<string | undefined>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** `more` answers paths that are no probes, or hands back `undefined`. */
export function createOpsServer(
  { opsHost: host, opsPort: port }: Config,
  probe: Probe,
  logger: Logger,
  more: (...asked: Parameters<RequestHandler>) => Promise<Response> | undefined = () => undefined,
): OpsServer {
  if (port === undefined) return { start: () => Promise.resolve(undefined), close: () => Promise.resolve() };
  const server = createDiscoveryServer(
    async (request, context) =>
      (await probe(request, context.remoteAddress)) ??
      more(request, context) ??
      problemResponse(new FanfareError('not_found', 'there is nothing at this path')),
    { host, port, maxConnections: MAX_CONNECTIONS, logger },
  );
  return { start: async () => (await server.start()).url, close: () => server.close() };
}
