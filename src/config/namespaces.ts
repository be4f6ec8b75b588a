// Namespaces: the options of the channels that share what stands before the first colon.

import { namespaceOf } from '../protocol/index.js';
import type { NamespaceLimits } from './limits.js';

export interface NamespaceOptions {
  /** Entries of history kept per channel, 1..10,000. */
  readonly historySize: number;
  /** Age at which an entry leaves history, in milliseconds. */
  readonly historyTtlMs: number;
  /** Readable without a token over HTTP. */
  readonly public: boolean;
  /** Readable through discovery without a token, and over the transports that follow. */
  readonly anonymous: boolean;
  /** Whether presence is kept. */
  readonly presence: boolean;
  /** Whether any client may publish; else a grant decides. */
  readonly clientPublish: boolean;
  /** Whether live-only messages are taken from the bus channel of their own, `<prefix>:{<channel>}:live`. */
  readonly live: boolean;
  /** How long caches may keep old pages of what is public, in milliseconds. */
  readonly cacheMaxAgeMs: number;
  /** What happens to a client that reads too slowly: it is cut, or sent the newest only. */
  readonly slowConsumer: 'disconnect' | 'conflate';
  /** Where messages have to wait for a client's pace, only the newest of all is sent. */
  readonly conflate?: 'newest' | undefined;
  /** The same by a member of data: the newest of each of its values. */
  readonly conflateBy?: string | undefined;
  /** Limits that this namespace has in place of the general ones. */
  readonly limits?: NamespaceLimits | undefined;
}

export const DEFAULT_NAMESPACE: NamespaceOptions = {
  historySize: 100,
  historyTtlMs: 10 * 60_000,
  public: false,
  anonymous: false,
  presence: false,
  clientPublish: false,
  live: true,
  cacheMaxAgeMs: 5 * 60_000,
  slowConsumer: 'disconnect',
};

/** The configured namespaces; each is merged over `default`, which is merged over {@link DEFAULT_NAMESPACE}. */
export class Namespaces {
  readonly all: ReadonlyMap<string, NamespaceOptions>;
  readonly #default: NamespaceOptions;

  constructor(configured: Readonly<Record<string, Partial<NamespaceOptions>>> = {}) {
    const base = { ...DEFAULT_NAMESPACE, ...configured.default };
    const all = new Map<string, NamespaceOptions>([['default', base]]);
    for (const [name, options] of Object.entries(configured)) {
      const limits = options.limits && { limits: { ...base.limits, ...options.limits } };
      all.set(name, { ...base, ...options, ...limits });
    }
    this.all = all;
    this.#default = base;
  }

  /** The options of a channel; those of `default` when its namespace is not configured. */
  of(channel: string): NamespaceOptions {
    return this.all.get(namespaceOf(channel)) ?? this.#default;
  }
}
