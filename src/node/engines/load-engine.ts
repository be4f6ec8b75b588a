// Takes the engine that the configuration names, or the best that loads.

import type { Logger } from '../../lib/logger.js';
import type { Engine } from './engine.js';
import { createUwsEngine } from './uws/engine.js';
import { createWsEngine } from './ws/engine.js';

/** Chosen: under fire it lets newcomers in within a second; each costs a connection that comes alone half a microsecond (measured). */
const WS_ACCEPTORS = 32;

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
