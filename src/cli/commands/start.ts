// `fanfare start`: discovery, a push node, the SDK and the demo page in one process on one port.

import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Discovery } from '../../../discovery/handler.js';
import type { LoadedConfig } from '../../config/load-config.js';
import { Namespaces } from '../../config/namespaces.js';
import { Origins } from '../../http/origins.js';
import { FanfareError } from '../../lib/errors.js';
import { createPinoLogger } from '../../lib/pino-logger.js';
import type { PushNode, StartedNode } from '../../node/node-options.js';
import { startBanner } from '../banner.js';
import { composeCluster } from '../compose-cluster.js';
import { composeDiscovery, discoveryStats } from '../compose-discovery.js';
import { composeNode, nodeIdOf } from '../compose-node.js';
import { composeProbes } from '../compose-probes.js';
import { composeRevocableAuth, release } from '../compose-revocations.js';
import { composeTls } from '../compose-tls.js';
import { answerDemoLogOut, type DemoLogOutParts } from '../demo-log-out.js';
import { answerDemoToken, type DevelopmentToken } from '../demo-token.js';
import { asFallback } from '../fetch-adapter.js';
import { addOptionFlags, configOf } from '../option-flags.js';
import { problemResponse } from '../problem-response.js';
import { runServer, serverEnd } from '../server-process.js';
import { createStaticFiles } from '../static-files.js';

const DIST = fileURLToPath(new URL('../../../', import.meta.url));

/** Adds the command. */
export function addCommand(program: Command): void {
  const command = program
    .command('start')
    .description(
      'run everything on one port: discovery, a node, the demo page; without Redis, or as part of a cluster',
    );
  addOptionFlags(command, ['start']).action((_, own: Command) => runStart(own));
}

async function runStart(command: Command): Promise<void> {
  const role = 'start';
  const loaded = configOf(command, role);
  const { config } = loaded;
  const logger = createPinoLogger({ level: config.logLevel, fields: { role } });
  const namespaces = new Namespaces(config.namespaces);
  const cluster = composeCluster(loaded, namespaces, logger);
  const { auth, revocations } = composeRevocableAuth(loaded, cluster, nodeIdOf(config), logger);
  const end = serverEnd(loaded, logger);
  const tls = await composeTls(loaded, logger);
  const { registry, sharedLimits, sharedLinks } = cluster;
  // Made once the cluster can be asked: it looks for nodes at once.
  let discovery: Discovery | undefined;
  const own = () => ({ ...cluster.stats(), ...auth.tokens?.stats(), ...logger.stats() });
  const { probe, ops } = composeProbes(config, logger, {
    role,
    checks: () => [...node.checks(), ...(discovery?.checks() ?? []), ...auth.keys.checks()],
    build: () => build,
    stats: () => ({ ...node.stats(), ...discoveryStats(discovery), ...own() }),
    nodeId: nodeIdOf(config),
    operators: (...asked) => discovery?.operators(...asked),
  });
  const files = createStaticFiles(DIST);
  const development = developmentTerms(loaded);
  const demo = demoAnswers(development, auth.tokens && { tokens: auth.tokens, revocations });
  const fallback = asFallback(
    async (request, context) =>
      (await probe(request, context.remoteAddress)) ??
      files(request) ??
      (await demo(request, context.remoteAddress)) ??
      discovery?.(request, context) ??
      problemResponse(new FanfareError('no_capacity', 'the server is starting')),
    new Origins(config.origins),
    logger,
  );
  const { authenticator, membership, keys } = auth;
  const broker = cluster.createBroker();
  const ingest = cluster.createIngest(broker);
  const known = { authenticator, membership, revocations, sharedLimits, sharedLinks, namespaces, tls };
  const { node, build } = await composeNode(config, { broker, registry, ingest, ...known, logger, fallback, end });
  const close = () => release(cluster, revocations, discovery, keys, tls).finally(() => ops.close());
  await runServer({
    ...{ loaded, logger, end, ops },
    server: {
      start: async () => {
        keys.start();
        tls?.start();
        await cluster.start();
        await revocations.start();
        discovery = composeDiscovery(config, { registry, auth, revocations, sharedLimits, namespaces, logger });
        return startBoth(node, discovery);
      },
      leave: () => void node.leave(),
      // Alone, there is no other node to move to: its clients come back when it does.
      drain: (withinMs) => (cluster.shared ? node.drain(withinMs) : node.close()).finally(close),
      close: () => node.close().finally(close),
    },
    banner: (url) => startBanner(url, loaded.made, development),
  });
}

/** What the demo page asks of a development server. */
function demoAnswers(development: DevelopmentToken | undefined, logOut: DemoLogOutParts | undefined) {
  return async (request: Request, remoteAddress: string): Promise<Response | undefined> =>
    (await answerDemoToken(request, development, remoteAddress)) ?? answerDemoLogOut(request, development && logOut);
}

/** Discovery is ready once it knows a node. */
async function startBoth(node: PushNode, discovery: Discovery): Promise<StartedNode> {
  const started = await node.start();
  await discovery.refresh();
  return started;
}

/** What signs the demo page's tokens; only where the secret of tokens is one that `start` made. */
function developmentTerms({ config, made }: LoadedConfig): DevelopmentToken | undefined {
  const { authSecret: [secret] = [], authIssuer: issuer, authAudience: audience } = config;
  if (made.authSecret === undefined || secret === undefined) return undefined;
  return { secret, issuer, audience, isFirstTry: made.authSecret === 'built-in' };
}
