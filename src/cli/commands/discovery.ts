// `fanfare discovery`: the stateless API that assigns nodes to clients.

import type { Command } from 'commander';
import { createDiscoveryServer } from '../../../discovery/server.js';
import { Namespaces } from '../../config/namespaces.js';
import { createPinoLogger } from '../../lib/pino-logger.js';
import { composeAuth } from '../compose-auth.js';
import { composeCluster } from '../compose-cluster.js';
import { composeDiscovery, discoveryStats } from '../compose-discovery.js';
import { createMetrics } from '../metrics.js';
import { addOptionFlags, configOf } from '../option-flags.js';
import { createProbes } from '../probes.js';
import { runServer } from '../server-process.js';

/** Adds the command. */
export function addDiscoveryCommand(program: Command): void {
  const command = program
    .command('discovery')
    .description('run discovery, which gives clients a node and a ticket; needs Redis');
  addOptionFlags(command, ['discovery']).action((_, own: Command) => runDiscovery(own));
}

async function runDiscovery(command: Command): Promise<void> {
  const role = 'discovery';
  const loaded = configOf(command, role);
  const { config } = loaded;
  const logger = createPinoLogger({ level: config.logLevel, fields: { role } });
  const namespaces = new Namespaces(config.namespaces);
  const cluster = composeCluster(loaded, namespaces, logger);
  const auth = composeAuth(loaded, logger);
  const discovery = composeDiscovery(config, { registry: cluster.registry, auth, namespaces, logger });
  const probes = createProbes({
    checks: () => [...cluster.checks(), ...discovery.checks()],
    metrics: createMetrics({
      labels: { role },
      stats: () => ({ ...discoveryStats(discovery), ...cluster.stats(), ...auth.tokens?.stats() }),
    }),
    adminKey: config.adminKey,
  });
  const server = createDiscoveryServer(
    async (request, context) => (await probes(request, context.remoteAddress)) ?? discovery(request, context),
    { host: config.host, port: config.port, logger },
  );
  const close = async () => {
    await server.close();
    discovery.close();
    cluster.close();
  };
  const start = async () => {
    await cluster.start();
    const { url } = await server.start();
    logger.info({ url }, 'discovery is ready');
    return { url };
  };
  // It holds no client: to drain it is to finish what is being answered.
  await runServer({
    loaded,
    logger,
    server: { start, drain: close, close },
    banner: (url) => `fanfare discovery: ${url}`,
  });
}
