// Where nodes tell of their links, in memory: as the function in Redis does it, with answers that come when a test lets them.

import type { LinkAnswer, LinkStore, LinkTelling } from '../../src/limits/link-shard.js';

/** How long a node is believed that is silent, as in Redis. */
export const LIVES_MS = 10_000;

interface Shard {
  readonly members: Map<string, { revision: number; untilMs: number }>;
  readonly subjects: Map<string, Map<string, string>>;
}

/** One call that is on its way. */
interface Call {
  readonly run: () => void;
  readonly fail: () => void;
}

export class HeldLinkStore {
  isAway = false;
  /** Calls that were answered. */
  calls = 0;
  readonly #clock: () => number;
  readonly #shards = new Map<number, Shard>();
  readonly #held = new Map<string, Call[]>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** As one start of a node has it; `node` is whose calls a test answers. */
  of(node: string, member = node): LinkStore {
    return {
      tell: (telling) =>
        new Promise((resolve, reject) => {
          const fail = () => reject(new Error('away'));
          const run = () => (this.isAway ? fail() : resolve(this.#tell(member, telling)));
          const held = this.#held.get(node) ?? [];
          held.push({ run, fail });
          this.#held.set(node, held);
        }),
      leave: async (shard) => void this.#shardOf(shard).members.delete(member),
    };
  }

  /** All that a node has asked is answered, or fails. */
  async answer(node: string): Promise<void> {
    for (const { run } of this.#held.get(node)?.splice(0) ?? []) run();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }

  /** As a failover that lost everything. */
  lose(): void {
    this.#shards.clear();
  }

  #shardOf(index: number): Shard {
    const shard = this.#shards.get(index) ?? { members: new Map(), subjects: new Map() };
    this.#shards.set(index, shard);
    return shard;
  }

  #tell(member: string, { shard: index, after, revision, subjects }: LinkTelling): LinkAnswer {
    this.calls++;
    const { members, subjects: told } = this.#shardOf(index);
    const nowMs = this.#clock();
    for (const [name, { untilMs }] of members) if (untilMs <= nowMs) members.delete(name);
    const isKnown = members.get(member)?.revision === after;
    members.set(member, { revision, untilMs: nowMs + LIVES_MS });
    const elsewhere = subjects.map(({ subject, links }) => {
      const byMember = told.get(subject) ?? new Map<string, string>();
      for (const name of byMember.keys()) if (!members.has(name)) byMember.delete(name);
      if (links === '') byMember.delete(member);
      else byMember.set(member, links);
      told.set(subject, byMember);
      return [...byMember].flatMap(([name, text]) => (name === member ? [] : [text])).join(';');
    });
    return { isKnown, nodes: members.size, elsewhere };
  }
}
