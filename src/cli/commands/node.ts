// `fanfare node`: one push node of a cluster.

import type { Command } from 'commander';
import { Namespaces } from '../../config/namespaces.js';
import { nothingAt } from '../../http/nothing-at.js';
import { Origins } from '../../http/origins.js';
import { createPinoLogger } from '../../lib/pino-logger.js';
import { composeCluster } from '../compose-cluster.js';
import { composeNode, nodeIdOf } from '../compose-node.js';
import { composeProbes } from '../compose-probes.js';
import { composeRevocableAuth, release } from '../compose-revocations.js';
import { composeTls } from '../compose-tls.js';
import { asFallback } from '../fetch-adapter.js';
import { addOptionFlags, configOf } from '../option-flags.js';
import { problemResponse } from '../problem-response.js';
import { runServer, serverEnd } from '../server-process.js';

/** Adds the command. */
export function addCommand(program: Command): void {
  const command = program.command('node').description('run a push node, which holds client connections; needs Redis');
  addOptionFlags(command, ['node']).action((_, own: Command) => runNode(own));
}

async function runNode(command: Command): Promise<void> {
  const loaded = configOf(command, 'node');
  const { config } = loaded;
  const logger = createPinoLogger({ level: config.logLevel, fields: { role: 'node' } });
  const namespaces = new Namespaces(config.namespaces);
  const cluster = composeCluster(loaded, namespaces, logger);
  const { auth, revocations } = composeRevocableAuth(loaded, cluster, nodeIdOf(config), logger);
  const { authenticator, membership, keys } = auth;
  const end = serverEnd(loaded, logger);
  const tls = await composeTls(loaded, logger);
  const { probe, ops } = composeProbes(config, logger, {
    role: 'node',
    checks: () => [...node.checks(), ...keys.checks()],
    build: () => build,
    stats: () => ({ ...node.stats(), ...cluster.stats(), ...logger.stats() }),
    nodeId: nodeIdOf(config),
  });
  const fallback = asFallback(
    async (request, context) => {
      const answer = await probe(request, context.remoteAddress);
      return answer ?? problemResponse(nothingAt(new URL(request.url).pathname, 'node'));
    },
    new Origins(config.origins),
    logger,
  );
  const { registry, sharedLimits, sharedLinks } = cluster;
  const broker = cluster.createBroker();
  const ingest = cluster.createIngest(broker);
  const own = { authenticator, membership, revocations, sharedLimits, sharedLinks, namespaces, tls };
  const parts = { broker, registry, ingest, ...own, logger, fallback, end };
  const { node, build } = await composeNode(config, parts);
  const close = () => release(cluster, revocations, keys, tls).finally(() => ops.close());
  await runServer({
    loaded,
    logger,
    end,
    ops,
    server: {
      start: async () => {
        keys.start();
        tls?.start();
        await cluster.start();
        await revocations.start();
        return node.start();
      },
      leave: () => void node.leave(),
      drain: (withinMs) => node.drain(withinMs).finally(close),
      close: () => node.close().finally(close),
    },
    banner: (url) => `fanfare node: ${url}`,
  });
}
