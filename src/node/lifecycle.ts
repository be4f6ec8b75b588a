// A node's life: what each event makes of each state, and what every state says to newcomers, registry and readiness.

import type { NodeReport } from '../cluster/registry.js';
import { FanfareError } from '../lib/errors.js';
import type { ReadinessCheck } from './node-options.js';

/** `fenced`: another node has its id. */
export type NodeState = 'starting' | 'ready' | 'fenced' | 'draining' | 'closed';

/**
 * `serving`: clients can connect. `accepted` and `displaced`: what the registry says to a report. `drain`: asked to let go of
 * its clients. `close`: the end, whatever was before.
 */
export type NodeEvent = 'serving' | 'accepted' | 'displaced' | 'drain' | 'close';

/** A drain that leads to `draining` asks clients to move first; one that leads to `closed` closes at once. */
const NEXT: Readonly<Record<NodeState, Readonly<Record<NodeEvent, NodeState>>>> = {
  starting: { serving: 'ready', accepted: 'starting', displaced: 'starting', drain: 'closed', close: 'closed' },
  ready: { serving: 'ready', accepted: 'ready', displaced: 'fenced', drain: 'draining', close: 'closed' },
  fenced: { serving: 'fenced', accepted: 'ready', displaced: 'fenced', drain: 'closed', close: 'closed' },
  draining: { serving: 'draining', accepted: 'draining', displaced: 'draining', drain: 'closed', close: 'closed' },
  closed: { serving: 'closed', accepted: 'closed', displaced: 'closed', drain: 'closed', close: 'closed' },
};

interface StateFacts {
  /** What newcomers are told; where there is nothing to say, room decides. */
  readonly refusal?: { readonly code: 'draining'; readonly message: string; readonly retryAfterMs: number };
  /** What the registry is told; where there is nothing to say, load and room decide. */
  readonly reported?: NodeReport['state'];
  readonly ready: boolean;
}

const FACTS: Readonly<Record<NodeState, StateFacts>> = {
  starting: { reported: 'draining', ready: false },
  ready: { ready: true },
  fenced: { reported: 'draining', ready: false },
  draining: {
    refusal: { code: 'draining', message: 'the node is being drained', retryAfterMs: 100 },
    reported: 'draining',
    ready: false,
  },
  closed: { reported: 'draining', ready: false },
};

/** What of a node's load matters to its life. */
export interface Room {
  /** No place is left. */
  readonly isFull: boolean;
  /** The machine is as busy as it may be: who is sent here is still admitted, but nobody more is sent. */
  readonly isBusy: boolean;
}

/** One node's state; only {@link on} changes it. */
export class Lifecycle {
  #state: NodeState = 'starting';
  #sinceMs = Date.now();

  get state(): NodeState {
    return this.#state;
  }

  /** Takes an event; answers whether the state is another one now. */
  on(event: NodeEvent): boolean {
    const next = NEXT[this.#state][event];
    if (next === this.#state) return false;
    this.#state = next;
    this.#sinceMs = Date.now();
    return true;
  }

  /** Throws `draining` or `overloaded` where the node takes no new link. */
  requireAdmission({ isFull }: Room): void {
    const { refusal } = FACTS[this.#state];
    if (refusal !== undefined) {
      throw new FanfareError(refusal.code, refusal.message, { retryAfterMs: refusal.retryAfterMs });
    }
    if (isFull) throw new FanfareError('overloaded', 'the node is full', { retryAfterMs: 1_000 });
  }

  /** What the registry is told. */
  reported({ isFull, isBusy }: Room): NodeReport['state'] {
    return FACTS[this.#state].reported ?? (isFull || isBusy ? 'full' : 'ready');
  }

  /** The condition of readiness that is the node's own. */
  check(): ReadinessCheck {
    return { name: 'node', ok: FACTS[this.#state].ready, sinceMs: this.#sinceMs, detail: this.#state };
  }
}
