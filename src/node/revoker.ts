// Ends the links of those whose tokens have been revoked, or whom a backend disconnects.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Ending, endedError } from '../cluster/revocation-ending.js';
import { Attempts } from '../lib/attempts.js';
import type { Links } from './clients/links.js';

/** Chosen: so many are ended in one turn of the event loop, and so many looked at. */
const ENDED_PER_TURN = 128;
const LOOKED_PER_TURN = 4_096;

/** Polls that wait, as far as they have to be ended. */
export interface WaitingPolls {
  /** Throws where some could not be ended, once all others have. */
  end(ending: Ending): void;
}

/**
 * Whoever comes while it works is refused at the door. Resolves when all have been ended; where some could not be, rejects once all
 * others have, and may be called again.
 */
export async function endLinks(ending: Ending, links: Pick<Links, 'all'>, polls: WaitingPolls): Promise<void> {
  const attempts = new Attempts();
  attempts.run(() => polls.end(ending));
  let ended = 0;
  let looked = 0;
  for (const link of links.all()) {
    const { identity } = link;
    const code = identity && ending.of(identity);
    if (code !== undefined) {
      const { message, retryAfterMs } = endedError(code);
      attempts.run(() => link.end(code, message, retryAfterMs));
      ended++;
    }
    looked++;
    if (ended < ENDED_PER_TURN && looked < LOOKED_PER_TURN) continue;
    ended = 0;
    looked = 0;
    await nextTurn();
  }
  attempts.end('links or polls of whom a revocation means could not be ended');
}
