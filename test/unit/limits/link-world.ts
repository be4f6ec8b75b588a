// Nodes that count links together, in a world where a test says when what is told arrives.

import { SharedLinks } from '../../../src/limits/shared-links.js';
import type { Seat } from '../../../src/limits/shared-subject.js';
import { HeldLinkStore } from '../../support/link-store.js';

export const NODES = ['n1', 'n2', 'n3', 'n4'] as const;

interface Open {
  readonly node: string;
  readonly user: string;
  readonly session: string;
  readonly seat: Seat;
}

export class World {
  readonly max: number;
  nowMs = 1_000_000;
  readonly store = new HeldLinkStore(() => this.nowMs);
  readonly nodes = new Map<string, SharedLinks>();
  #starts = 0;
  readonly open: Open[] = [];
  /** What those were told that had to end. */
  readonly ended: (number | undefined)[] = [];

  constructor(max: number, names: readonly string[]) {
    this.max = max;
    for (const name of names) this.add(name);
  }

  add(name: string): SharedLinks {
    const bound = { max: this.max, by: 'user' } as const;
    // A node that comes again after it has died is another one to the store.
    const store = this.store.of(name, `${name}-${++this.#starts}`);
    const links = new SharedLinks({ store, bound, clock: () => this.nowMs });
    this.nodes.set(name, links);
    return links;
  }

  node(name: string): SharedLinks {
    return this.nodes.get(name) ?? this.add(name);
  }

  /** Throws where the node refuses. */
  come(node: string, session = '', user = 'anna'): void {
    const end = (_code: string, _reason: string, retryAfterMs?: number) => {
      const at = this.open.findIndex((one) => one.seat === seat);
      if (at === -1) throw new Error('ended twice');
      this.open.splice(at, 1);
      this.ended.push(retryAfterMs);
      this.node(node).leave(user, seat);
    };
    const seat = this.node(node).enter(user, session, { end });
    this.open.push({ node, user, session, seat });
  }

  go(node: string, session = '', user = 'anna'): boolean {
    const at = this.open.findIndex((one) => one.node === node && one.session === session && one.user === user);
    const [one] = at === -1 ? [] : this.open.splice(at, 1);
    if (one !== undefined) this.node(node).leave(user, one.seat);
    return one !== undefined;
  }

  /** It dies without a word. */
  kill(node: string): void {
    this.nodes.delete(node);
    for (let at = this.open.length - 1; at >= 0; at--) if (this.open[at]?.node === node) this.open.splice(at, 1);
  }

  /** One node tells what there is to be told, and hears. */
  async tell(node: string): Promise<void> {
    this.nodes.get(node)?.flush();
    await this.store.answer(node);
  }

  async beat(): Promise<void> {
    this.nowMs += 1_000;
    for (const [name, links] of this.nodes) {
      links.beat();
      await this.store.answer(name);
      await this.tell(name);
    }
  }

  async settle(): Promise<void> {
    for (let n = 0; n < 3; n++) await this.beat();
  }

  /** By the definition: of each session's links all but one, and one alone. */
  counted(user = 'anna'): number {
    const sessions = new Map<string, number>();
    for (const one of this.open) if (one.user === user) sessions.set(one.session, (sessions.get(one.session) ?? 0) + 1);
    return [...sessions].reduce((sum, [session, n]) => sum + (session === '' || n === 1 ? n : n - 1), 0);
  }

  failedOpen(): number {
    return [...this.nodes.values()].reduce((sum, { failedOpen }) => sum + failedOpen, 0);
  }
}
