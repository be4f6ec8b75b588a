// Runs a server process: starts it, says that it is ready, and has it end when it is told to.

import type { LoadedConfig } from '../config/load-config.js';
import { calm } from '../lib/calm.js';
import type { Logger } from '../lib/logger.js';
import { onFault } from '../lib/timers.js';
import { EXIT, listenFailure } from './exit.js';
import type { OpsServer } from './ops-server.js';
import { END_SIGNALS, type Server, ServerEnd } from './server-end.js';

export interface ServerRun {
  readonly loaded: LoadedConfig;
  readonly logger: Logger;
  readonly end: ServerEnd;
  readonly server: Server;
  /** Served from before the start, which may take a while, to the end; the server's to close. */
  readonly ops: OpsServer;
  /** What a person at a terminal reads instead of the ready line. */
  banner(url: string): string | Promise<string>;
}

/** How the process will end; made before the server, whose parts may ask for it. */
export function serverEnd({ config }: LoadedConfig, logger: Logger): ServerEnd {
  const { drainDelay: delayMs, drainTimeout: timeoutMs } = config;
  return new ServerEnd({ logger, delayMs, timeoutMs, exit: (code) => process.exit(code) });
}

/** Resolves once the process serves; a signal ends it later. Rejects, with everything closed, when it cannot start. */
export async function runServer({ loaded, logger, end, server, ops, banner }: ServerRun): Promise<void> {
  const { host, port, opsHost, opsPort } = loaded.config;
  for (const warning of loaded.warnings) logger.warn({}, warning);
  for (const note of loaded.notes) logger.info({}, note);
  onFault((error) => calm(logger).error({ error }, 'a timer or a listener failed: going on'));
  process.on('uncaughtException', (error) => {
    logger.error({ error }, 'a fault that nothing caught: ending');
    process.exit(EXIT.refused);
  });
  end.attach(server);
  for (const signal of END_SIGNALS) process.on(signal, () => end.signal(signal));
  let started: Awaited<ReturnType<Server['start']>>;
  let opsUrl: string | undefined;
  try {
    opsUrl = await ops.start().catch((error) => {
      const place = { host: opsHost, port: opsPort ?? 0, options: ['opsHost', 'opsPort'] } as const;
      throw listenFailure(error, place);
    });
    if (opsUrl !== undefined) logger.info({ url: opsUrl }, 'operators are served');
    started = await server.start().catch((error) => {
      throw listenFailure(error, { host, port, options: ['host', 'port'] });
    });
  } catch (error) {
    await server.close();
    throw error;
  }
  end.serving();
  const { url, ready = true } = started;
  const text = process.stdout.isTTY
    ? await banner(url)
    : JSON.stringify({ ready, role: loaded.role, url, ops: opsUrl, pid: process.pid });
  process.stdout.write(`${text}\n`);
}
