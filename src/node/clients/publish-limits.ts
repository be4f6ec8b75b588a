// What a message to one channel is counted by, beside the publishes of whoever sends it: its channel, and what its namespace says.

import type { NamespaceOptions, Namespaces } from '../../config/namespaces.js';
import { type Limit, type LimitSharing, type SubjectKeys, SubjectLimit } from '../../limits/subject-limit.js';
import type { NodeLimits } from '../node-options.js';

export interface PublishLimitsParts {
  readonly namespaces: Namespaces;
  readonly limits: Pick<NodeLimits, 'channel' | 'own'>;
  /** Of clients, where their namespace has none for itself. */
  readonly publishes: SubjectLimit;
  /** Subjects of each limit that are remembered. */
  readonly maxLimits: number;
  readonly nowMs: () => number;
  readonly sharing?: LimitSharing | undefined;
}

interface OwnSubjectLimits {
  readonly channel: SubjectLimit | undefined;
  readonly publishes: SubjectLimit | undefined;
}

/** Those limits that need to know a message's channel. */
export class PublishLimits {
  readonly #parts: PublishLimitsParts;
  readonly #channel: SubjectLimit;
  readonly #own: ReadonlyMap<NamespaceOptions, OwnSubjectLimits>;

  constructor(parts: PublishLimitsParts) {
    this.#parts = parts;
    const { limits, maxLimits, sharing } = parts;
    const made = new Map<Limit, SubjectLimit>();
    const make = (limit: Limit | undefined) => {
      if (limit === undefined) return undefined;
      const known = made.get(limit) ?? new SubjectLimit(limit, maxLimits, sharing && scoped(sharing, made.size));
      made.set(limit, known);
      return known;
    };
    this.#channel = new SubjectLimit(limits.channel, maxLimits, sharing);
    this.#own = new Map(
      [...limits.own].map(([options, own]) => [
        options,
        { channel: make(own.channel), publishes: make(own.publishes) },
      ]),
    );
  }

  /** How many of these messages of a client are counted with all that it publishes, wherever they go. */
  general(channels: Iterable<string>): number {
    let count = 0;
    for (const channel of channels) if (this.#apart(channel) === undefined) count++;
    return count;
  }

  /**
   * Spends a unit of everything that counts a message by its channel; `client` is who sends it, `undefined` a backend, who is
   * counted by the channel alone. Throws `rate_limited`.
   */
  spend(client: SubjectKeys | undefined, channel: string): void {
    const ofChannel = this.#ownOf(channel)?.channel ?? this.#channel;
    const apart = client === undefined ? undefined : this.#apart(channel);
    if (apart === undefined) return void ofChannel.spend({ channel }, 1, this.#parts.nowMs());
    const nowMs = this.#parts.nowMs();
    const keys = { ticket: client?.ticket, user: client?.user, channel };
    apart.spend(keys, 1, nowMs);
    try {
      ofChannel.spend({ channel }, 1, nowMs);
    } catch (error) {
      apart.settle(keys, 0, nowMs, nowMs);
      throw error;
    }
  }

  /** What counts publishes on this channel in place of {@link PublishLimitsParts.publishes}, or can do so only here. */
  #apart(channel: string): SubjectLimit | undefined {
    const { publishes } = this.#parts;
    return this.#ownOf(channel)?.publishes ?? (publishes.counts('channel') ? publishes : undefined);
  }

  #ownOf(channel: string): OwnSubjectLimits | undefined {
    return this.#own.size === 0 ? undefined : this.#own.get(this.#parts.namespaces.of(channel));
  }
}

/** Counts of namespaces are apart from the general ones, and from each other's; their order is the configuration's. */
function scoped(sharing: LimitSharing, scope: number): LimitSharing {
  return { keyed: (name, config, maxKeys) => sharing.keyed(`${name} ${scope}`, config, maxKeys) };
}
