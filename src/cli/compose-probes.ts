// Puts together what a process is looked at by: probes, metrics, and the port of operators where there is one.

import type { RequestHandler } from '../../discovery/server.js';
import type { Config } from '../config/schema.js';
import { OperatorDoor } from '../http/operator-door.js';
import type { Logger } from '../lib/logger.js';
import { LoopDelay } from '../lib/loop-delay.js';
import type { ReadinessCheck } from '../node/node-options.js';
import { createMetrics, type MetricsSource } from './metrics.js';
import { createOpsServer, type OpsServer } from './ops-server.js';
import { createProbes, type Probe } from './probes.js';

export interface LookedAt {
  readonly role: string;
  readonly build: MetricsSource['build'];
  readonly stats: MetricsSource['stats'];
  readonly checks: () => readonly ReadinessCheck[];
  /** Of the node that serves here. */
  readonly nodeId?: string;
  /** What else operators ask for; `undefined` for what is none of it. */
  readonly operators?: (...asked: Parameters<RequestHandler>) => Promise<Response> | undefined;
}

export interface ComposedProbes {
  /** Answers on the port of clients. */
  readonly probe: Probe;
  /** From its start to its end the event loop is watched, too. */
  readonly ops: OpsServer;
}

export function composeProbes(config: Config, logger: Logger, looked: LookedAt): ComposedProbes {
  const { role, build, stats, operators, ...rest } = looked;
  const loop = new LoopDelay();
  const metrics = createMetrics({ labels: { role }, build, stats: () => ({ ...stats(), ...loop.stats() }) });
  const isApart = config.opsPort !== undefined;
  const probes = createProbes({ ...rest, metrics, door: new OperatorDoor(config.adminKey), isApart });
  const server = createOpsServer(config, probes.operators, logger, operators);
  const ops: OpsServer = {
    start() {
      loop.start();
      return server.start();
    },
    close() {
      loop.close();
      return server.close();
    },
  };
  return { probe: probes.clients, ops };
}
