// The limits that a node keeps: whom each counts, and how much it allows.

import type { RateLimitConfig } from '../limits/create-rate-limiter.js';
import type { NodeLimits } from './node-options.js';

/** Units per second on average, and at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface NodeRates {
  readonly commands: Rate;
  readonly publishes: Rate;
  readonly polls: Rate;
  readonly openings?: Rate;
}

/** Chosen: opening a channel costs the node memory and Redis a key, reading one that is open costs neither. */
const OPENINGS: Rate = { perSecond: 50, burst: 256 };
/** Chosen: tabs and devices of one user, or users behind one address who have no name, that are busy at the same moment. */
const TOGETHER = 5;

/** Chosen: tickets and users whose limits are remembered, each. */
export function rememberedLimits(maxConnections: number): number {
  return Math.max(50_000, 4 * maxConnections);
}

export function nodeLimits({ commands, publishes, polls, openings = OPENINGS }: NodeRates): NodeLimits {
  return {
    commands: { name: 'commands', by: ['link', 'ticket'], ...shared(commands) },
    publishes: { name: 'publishes', by: ['user'], config: bucket(publishes) },
    polls: { name: 'polls', by: ['ticket'], ...shared(polls) },
    openings: { name: 'openings', by: ['ticket'], ...shared(openings) },
  };
}

/** Each for itself, and all of one user together. */
function shared(rate: Rate): { readonly config: RateLimitConfig; readonly together: RateLimitConfig } {
  const { perSecond, burst } = rate;
  return { config: bucket(rate), together: bucket({ perSecond: TOGETHER * perSecond, burst: TOGETHER * burst }) };
}

function bucket(rate: Rate): RateLimitConfig {
  return { algorithm: 'token-bucket', ...rate };
}
