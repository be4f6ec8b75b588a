// `fanfare discovery`: the stateless API that assigns nodes to clients.

import type { Command } from 'commander';
import type { Discovery } from '../../../discovery/handler.js';
import { createDiscoveryServer } from '../../../discovery/server.js';
import { Namespaces } from '../../config/namespaces.js';
import { FanfareError } from '../../lib/errors.js';
import { createPinoLogger } from '../../lib/pino-logger.js';
import type { ReadinessCheck } from '../../node/node-options.js';
import { composeCluster } from '../compose-cluster.js';
import { composeDiscovery, discoveryBounds, discoveryStats } from '../compose-discovery.js';
import { composeProbes } from '../compose-probes.js';
import { composeRevocableAuth, discoveryMember, release } from '../compose-revocations.js';
import { composeTls } from '../compose-tls.js';
import { addOptionFlags, configOf } from '../option-flags.js';
import { problemResponse } from '../problem-response.js';
import { runServer, serverEnd } from '../server-process.js';
import { VERSION } from '../version.js';

/** Adds the command. */
export function addCommand(program: Command): void {
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
  const { auth, revocations } = composeRevocableAuth(loaded, cluster, discoveryMember(config), logger);
  const own = () => ({ ...auth.tokens?.stats(), ...logger.stats() });
  const bounds = discoveryBounds(config, logger);
  // Made once the cluster can be asked: it looks for nodes at once.
  let discovery: Discovery | undefined;
  let leavingSinceMs: number | undefined;
  const { probe, ops } = composeProbes(config, logger, {
    role,
    // While Redis is away discovery answers from the nodes it knows, and is ready as long as it does.
    checks: () => [...(discovery ?? cluster).checks(), ...auth.keys.checks(), ...leavingCheck(leavingSinceMs)],
    build: () => ({ version: VERSION }),
    stats: () => ({ ...discoveryStats(discovery, bounds), ...cluster.stats(), ...own() }),
    operators: (...asked) => discovery?.operators(...asked),
  });
  const tls = await composeTls(loaded, logger);
  const server = createDiscoveryServer(
    async (request, context) =>
      (await probe(request, context.remoteAddress)) ??
      discovery?.(request, context) ??
      problemResponse(new FanfareError('no_capacity', 'discovery is starting')),
    { host: config.host, port: config.port, tls: tls?.pair, ...bounds, logger },
  );
  tls?.onRenewed((pair) => server.renewTls(pair));
  const close = async () => {
    await server.close();
    await release(cluster, revocations, discovery, auth.keys, tls).finally(() => ops.close());
  };
  const start = async () => {
    auth.keys.start();
    tls?.start();
    await cluster.start();
    await revocations.start();
    discovery = composeDiscovery(config, { ...cluster, auth, revocations, namespaces, logger });
    await discovery.refresh();
    const { url } = await server.start();
    logger.info({ url }, 'discovery is ready');
    return { url };
  };
  const leave = () => {
    leavingSinceMs = Date.now();
  };
  // It holds no client: to drain it is to finish what is being answered.
  await runServer({
    loaded,
    logger,
    end: serverEnd(loaded, logger),
    ops,
    server: { start, leave, drain: close, close },
    banner: (url) => `fanfare discovery: ${url}`,
  });
}

/** Whoever balances load is to turn to another discovery before this one ends. */
function leavingCheck(sinceMs: number | undefined): readonly ReadinessCheck[] {
  return sinceMs === undefined ? [] : [{ name: 'discovery', ok: false, sinceMs, detail: 'leaving' }];
}
