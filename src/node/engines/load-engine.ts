// Takes the engine that the configuration names, or the best that loads.

import type { Logger } from '../../lib/logger.js';
import type { Engine } from './engine.js';
import { createUwsEngine, uwsFaults } from './uws/engine.js';
import { createWsEngine } from './ws/engine.js';

/** Chosen: under fire it lets newcomers in within a second; each costs a connection that comes alone half a microsecond (measured). */
const WS_ACCEPTORS = 32;
const HARMLESS =
  'this build of uWebSockets.js gets some of HTTP wrong, which costs at most a connection: docs/OPERATIONS.md, "Browsers and proxies"';

/**
 * Loads an engine. `auto` takes uws where it loads, else ws, and says why.
 * Rejects when `uws` is asked for by name and does not load.
 */
export async function loadEngine(kind: 'auto' | 'uws' | 'ws', logger: Logger): Promise<Engine> {
  if (kind === 'ws') return createWsEngine(WS_ACCEPTORS);
  try {
    return await createUwsEngine();
  } catch (error) {
    if (kind === 'uws') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    logger.info({ engine: 'ws', reason }, 'uWebSockets.js does not load: serving with node:http and ws');
    return createWsEngine(WS_ACCEPTORS);
  }
}

/** Logs what the build behind an engine gets wrong of HTTP, once it has been asked: nobody need wait for that. */
export async function tellFaults({ name }: Pick<Engine, 'name'>, logger: Logger): Promise<void> {
  if (name !== 'uws') return;
  const faults = await uwsFaults();
  if (faults.length > 0) logger.info({ engine: name, faults }, HARMLESS);
}
