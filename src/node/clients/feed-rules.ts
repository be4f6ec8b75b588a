// Which subscriptions are fed by themselves: those that ask for a pace, and those whose link or namespace has one.

import type { NamespaceOptions, Namespaces } from '../../config/namespaces.js';
import { createRateLimiter, quotaOf, type RateLimitConfig } from '../../limits/create-rate-limiter.js';
import type { RateLimiter } from '../../limits/rate-limiter.js';
import type { Limit } from '../../limits/subject-limit.js';
import type { Channel } from '../channels/channel.js';
import type { NodeLimits } from '../node-options.js';
import { ConflatedFeed } from './conflated-feed.js';
import type { Feed, FeedParts, FeedTerms } from './feed.js';
import { PacedFeed } from './paced-feed.js';

export interface FeedRulesParts {
  readonly namespaces: Namespaces;
  readonly limits: Pick<NodeLimits, 'outbound' | 'own'>;
  /** By which limits count. */
  readonly nowMs: () => number;
  /** Whether messages may be left out, where the namespace says so; default true. */
  readonly conflates?: boolean;
}

/** What one link has been sent, by the limits that count that. */
export type LinkLimiters = Map<Limit, RateLimiter>;

/** Chosen: what may be sent at once is half of what a second may have, so that what waits is sent together and none of it starves. */
const AT_ONCE_S = 0.5;

export class FeedRules {
  readonly #parts: FeedRulesParts;

  constructor(parts: FeedRulesParts) {
    this.#parts = parts;
  }

  /** Of the channels for which a poll asks for a pace: by which member its answer has only the newest of each value. */
  ofPoll(paces: ReadonlyMap<string, number> | undefined): ReadonlyMap<string, string> | undefined {
    let members: Map<string, string> | undefined;
    for (const name of paces?.keys() ?? []) {
      const member = memberOf(this.#parts.namespaces.of(name));
      if (member === undefined) continue;
      members ??= new Map();
      members.set(name, member);
    }
    return members;
  }

  /** Of a subscription that asks for `maxPerSecond`, or for nothing; `undefined`: it is sent everything with all others. */
  termsOf(channel: string, maxPerSecond: number | undefined, ofLink: LinkLimiters): FeedTerms | undefined {
    const { namespaces, limits, nowMs, conflates = true } = this.#parts;
    const options = namespaces.of(channel);
    const outbound = limits.own.get(options)?.outbound ?? limits.outbound;
    const isSparing = conflates && options.slowConsumer === 'conflate';
    const isBound = outbound.by.length > 0;
    if (maxPerSecond === undefined && !isBound && !isSparing) return undefined;
    const limiters: RateLimiter[] = [];
    let burst = Number.POSITIVE_INFINITY;
    if (maxPerSecond !== undefined) {
      const config = paceOf(maxPerSecond);
      limiters.push(createRateLimiter(config));
      burst = quotaOf(config).quota;
    }
    if (isBound) {
      limiters.push(limiterOf(outbound, ofLink));
      burst = Math.min(burst, quotaOf(outbound.config).quota);
    }
    return {
      limiters,
      burst,
      nowMs,
      conflateBy: conflates ? memberOf(options) : undefined,
      isAsked: maxPerSecond !== undefined,
    };
  }
}

/** Of a subscription with such terms. */
export function createFeed(channel: Channel, parts: FeedParts): Feed {
  const { conflateBy } = parts;
  return conflateBy === undefined
    ? new PacedFeed(channel, parts)
    : new ConflatedFeed(channel, { ...parts, conflateBy });
}

function paceOf(perSecond: number): RateLimitConfig {
  return { algorithm: 'token-bucket', perSecond, burst: Math.max(1, perSecond * AT_ONCE_S) };
}

function limiterOf(limit: Limit, ofLink: LinkLimiters): RateLimiter {
  const limiter = ofLink.get(limit) ?? createRateLimiter(limit.config);
  ofLink.set(limit, limiter);
  return limiter;
}

/** A link that would be cut gets the newest of all where its namespace says nothing else. */
function memberOf({ conflate, conflateBy, slowConsumer }: NamespaceOptions): string | undefined {
  return conflateBy ?? (conflate === 'newest' || slowConsumer === 'conflate' ? '' : undefined);
}
