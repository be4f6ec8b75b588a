// The limits that a node keeps: whom each counts, and how much it allows.

import { type LimitSettings, limitSetting, NAMESPACE_LIMITS, type NamespaceLimitName } from '../config/limits.js';
import type { NamespaceOptions, Namespaces } from '../config/namespaces.js';
import { limitOf } from '../limits/limit-of.js';
import type { Limit } from '../limits/subject-limit.js';
import type { NodeLimits, OwnLimits } from './node-options.js';

/** Chosen: tickets and users whose limits are remembered, each. */
export function rememberedLimits(maxConnections: number): number {
  return Math.max(50_000, 4 * maxConnections);
}

export function nodeLimits(settings: LimitSettings, namespaces: Namespaces): NodeLimits {
  return {
    commands: limitOf('commands', settings.commands),
    publishes: limitOf('publishes', settings.publishes),
    polls: limitOf('polls', settings.polls),
    openings: limitOf('openings', settings.openings),
    addresses: limitOf('addresses', settings.addresses),
    publishKey: limitOf('publishKey', settings.publishKey),
    channel: limitOf('channel', settings.channel),
    outbound: limitOf('outbound', settings.outbound),
    own: ownLimits(namespaces),
  };
}

/** Of the namespaces that have some; what `default` has for itself is one limit for all that have no other. */
function ownLimits(namespaces: Namespaces): ReadonlyMap<NamespaceOptions, OwnLimits> {
  const made = new Map<object, Limit>();
  const own = new Map<NamespaceOptions, OwnLimits>();
  for (const options of namespaces.all.values()) {
    const limits: { [name in NamespaceLimitName]?: Limit } = {};
    for (const name of NAMESPACE_LIMITS) {
      const written = options.limits?.[name];
      if (written === undefined) continue;
      const limit = (written && made.get(written)) || limitOf(name, limitSetting(name, written, undefined));
      if (written !== false) made.set(written, limit);
      limits[name] = limit;
    }
    if (Object.keys(limits).length > 0) own.set(options, limits);
  }
  return own;
}
