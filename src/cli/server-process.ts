// Runs a server process: starts it, says that it is ready, drains it on a signal and ends.

import type { LoadedConfig } from '../config/load-config.js';
import type { Logger } from '../lib/logger.js';
import { EXIT } from './exit.js';

/** What a process serves. */
export interface Server {
  /** Resolves with the URL when clients can connect. */
  start(): Promise<{ readonly url: string }>;
  /** Lets go of its clients in an orderly way, then closes. */
  drain(): Promise<void>;
  /** Closes everything at once. Idempotent. */
  close(): Promise<void>;
}

export interface ServerRun {
  readonly loaded: LoadedConfig;
  readonly logger: Logger;
  readonly server: Server;
  /** What a person at a terminal reads instead of the ready line. */
  banner(url: string): string | Promise<string>;
}

const SIGNALS = { SIGTERM: 143, SIGINT: 130 } as const;

/** Resolves once the process serves; a signal ends it later. Rejects, with everything closed, when it cannot start. */
export async function runServer({ loaded, logger, server, banner }: ServerRun): Promise<void> {
  for (const warning of loaded.warnings) logger.warn({}, warning);
  for (const note of loaded.notes) logger.info({}, note);
  process.on('uncaughtException', (error) => {
    logger.error({ error }, 'a fault that nothing caught: ending');
    process.exit(EXIT.refused);
  });
  onSignals(loaded.config.drainTimeout, server, logger);
  let url: string;
  try {
    ({ url } = await server.start());
  } catch (error) {
    await server.close();
    throw error;
  }
  const text = process.stdout.isTTY
    ? await banner(url)
    : JSON.stringify({ ready: true, role: loaded.role, url, pid: process.pid });
  process.stdout.write(`${text}\n`);
}

/** The first signal drains, within `timeoutMs`; the second ends at once. */
function onSignals(timeoutMs: number, server: Server, logger: Logger): void {
  let ending = false;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (ending) process.exit(code);
      ending = true;
      logger.info({ signal, timeoutMs }, 'draining; a second signal ends at once');
      void end(timeoutMs, server, logger).then((exitCode) => process.exit(exitCode));
    });
  }
}

async function end(timeoutMs: number, server: Server, logger: Logger): Promise<number> {
  const late = setTimeout(() => {
    logger.warn({ timeoutMs }, 'the drain took too long: closing what is left');
    void server.close().finally(() => process.exit(EXIT.ok));
  }, timeoutMs);
  try {
    await server.drain();
    logger.info({}, 'drained');
    return EXIT.ok;
  } catch (error) {
    logger.error({ error }, 'the drain failed');
    return EXIT.unavailable;
  } finally {
    clearTimeout(late);
  }
}
