// A node's life: what each event makes of each state, and what every state says to newcomers, registry, readiness and the log.

import type { NodeReport } from '../cluster/registry.js';
import { FanfareError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import type { NodeStats, ReadinessCheck } from './node-options.js';

/** How far a node has come; only forwards. `leaving`: it is about to be drained, and still serves whoever comes. */
export type NodePhase = 'starting' | 'serving' | 'leaving' | 'draining' | 'closed';

/** What may be wrong with a node that serves, the weightiest first. */
const TROUBLES = ['fenced', 'foreign', 'deaf', 'full'] as const;
type Trouble = (typeof TROUBLES)[number];

/**
 * `fenced`: another node has its id. `foreign`: it does not know the secret that discovery signs with. `deaf`: it does not
 * hear what is published. `full`: of connections, or its machine is as busy as it may be.
 */
export type NodeState = 'ready' | Trouble | Exclude<NodePhase, 'serving'>;

/** What moves the phase: clients can connect; a drain is near; it begins; the end, whatever was before. */
export type NodeEvent = 'serve' | 'leave' | 'drain' | 'close';

const NEXT: Readonly<Record<NodePhase, Readonly<Record<NodeEvent, NodePhase>>>> = {
  starting: { serve: 'serving', leave: 'starting', drain: 'closed', close: 'closed' },
  serving: { serve: 'serving', leave: 'leaving', drain: 'draining', close: 'closed' },
  leaving: { serve: 'leaving', leave: 'leaving', drain: 'draining', close: 'closed' },
  draining: { serve: 'draining', leave: 'draining', drain: 'draining', close: 'closed' },
  closed: { serve: 'closed', leave: 'closed', drain: 'closed', close: 'closed' },
};

interface Refusal {
  readonly code: 'draining' | 'overloaded';
  readonly message: string;
  readonly retryAfterMs: number;
}

interface StateFacts {
  /** What newcomers are told; where there is nothing to say, they are admitted while there is a place. */
  readonly refusal?: Refusal;
  /** What the registry is told, and with it discovery and operators. */
  readonly reported: NodeReport['state'];
  /** Whether the check `node` of readiness holds; what another check says is not said twice. */
  readonly ok: boolean;
  /** Whether clients are sent elsewhere. */
  readonly isMoving: boolean;
  /** The line of the log when the state begins. */
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly says: string;
}

const LATER = 1_000;
const refused = (code: Refusal['code'], message: string, retryAfterMs = 100): Refusal => ({
  code,
  message,
  retryAfterMs,
});
const NOT_READY = { isMoving: false, ok: false } as const;

/** The one table. A full node is ready: a 503 would have a balancer take its clients' polls away, and make no room. */
const FACTS: Readonly<Record<NodeState, StateFacts>> = {
  starting: {
    ...NOT_READY,
    refusal: refused('overloaded', 'the node is starting', LATER),
    reported: 'draining',
    level: 'debug',
    says: 'the node is starting',
  },
  ready: { isMoving: false, ok: true, reported: 'ready', level: 'info', says: 'the node takes new clients' },
  full: {
    isMoving: false,
    ok: true,
    reported: 'full',
    level: 'warn',
    says: 'the node is full: new clients are sent elsewhere',
  },
  // That it is not ready is what the check `broker` says, with the reason.
  deaf: {
    isMoving: false,
    ok: true,
    reported: 'deaf',
    level: 'warn',
    says: 'the node does not hear what is published: new clients are sent elsewhere',
  },
  foreign: {
    ...NOT_READY,
    reported: 'foreign',
    level: 'error',
    says: 'foreign_secret: discovery signs with a cluster secret that this node does not know; no client is sent here',
  },
  fenced: {
    ...NOT_READY,
    refusal: refused('draining', 'another node has the id of this one'),
    reported: 'draining',
    level: 'error',
    says: 'another node has this id; this one takes no new clients',
  },
  leaving: { ...NOT_READY, reported: 'draining', level: 'info', says: 'the node is about to be drained' },
  draining: {
    ok: false,
    isMoving: true,
    refusal: refused('draining', 'the node is being drained'),
    reported: 'draining',
    level: 'info',
    says: 'the node is being drained',
  },
  closed: {
    ok: false,
    isMoving: true,
    refusal: refused('draining', 'the node is going away'),
    reported: 'draining',
    level: 'debug',
    says: 'the node is closed',
  },
};

/** What of a node's load matters to its life. */
export interface Room {
  /** No place is left. */
  readonly isFull: boolean;
  /** Nearly none is: a node that was full counts as full until there is more, or it would turn with each client. */
  readonly isTight: boolean;
  /** The machine is as busy as it may be: who is sent here is still admitted, but nobody more is sent. */
  readonly isBusy: boolean;
  /** What there is, for people. */
  readonly detail: string;
}

export interface LifecycleParts {
  readonly id: string;
  readonly logger: Logger;
  readonly room: () => Room;
  /** Whether what is published is heard, and what there is to say of it. */
  readonly hears: () => { readonly ready: boolean; readonly detail: string };
}

/** One node's state, looked up whenever somebody asks: whoever asks at the same moment is told the same. */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  /** Of what others tell; the rest is looked up. */
  readonly #told = new Set<Trouble>();
  #phase: NodePhase = 'starting';
  #state: NodeState = 'starting';
  #isFull = false;
  #sinceMs = Date.now();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  get state(): NodeState {
    return this.look();
  }

  /** Whether clients are to go to other nodes. */
  get isMoving(): boolean {
    return FACTS[this.#state].isMoving;
  }

  /** Takes an event. */
  on(event: NodeEvent): void {
    this.#phase = NEXT[this.#phase][event];
    this.look();
  }

  /** What the registry has found out: another node has its id, or its secrets are not those of discovery. */
  set(trouble: 'fenced' | 'foreign', isSo: boolean): void {
    if (isSo) this.#told.add(trouble);
    else this.#told.delete(trouble);
    this.look();
  }

  /** Looks what the state is now, and tells the log of another one. */
  look(): NodeState {
    const next = this.#phase === 'serving' ? (TROUBLES.find((one) => this.#has(one)) ?? 'ready') : this.#phase;
    if (next !== this.#state) this.#turn(next);
    return next;
  }

  /** Throws `draining` or `overloaded` where the node takes no new link. */
  requireAdmission(): void {
    const { refusal } = FACTS[this.look()];
    if (refusal !== undefined) {
      throw new FanfareError(refusal.code, refusal.message, { retryAfterMs: refusal.retryAfterMs });
    }
    if (this.#parts.room().isFull) throw new FanfareError('overloaded', 'the node is full', { retryAfterMs: LATER });
  }

  /** What the registry is told. */
  reported(): NodeReport['state'] {
    return FACTS[this.look()].reported;
  }

  /** The condition of readiness that is the node's own. */
  check(): ReadinessCheck {
    const state = this.look();
    return { name: 'node', ok: FACTS[state].ok, sinceMs: this.#sinceMs, detail: this.#detailOf(state) };
  }

  /** Why the node is in its state, for operators; empty for one that takes new clients. */
  why(): string {
    const state = this.look();
    if (state === 'ready') return '';
    if (state === 'full') return this.#parts.room().detail;
    return (state === 'deaf' && this.#parts.hears().detail) || FACTS[state].says;
  }

  /** What the registry is told, as figures of 0 and 1. */
  stats(): NodeStats {
    const reported = this.reported();
    const is = (state: typeof reported) => (reported === state ? 1 : 0);
    return {
      stateReady: is('ready'),
      stateFull: is('full'),
      stateDeaf: is('deaf'),
      stateForeign: is('foreign'),
      stateDraining: is('draining'),
    };
  }

  #has(trouble: Trouble): boolean {
    if (trouble === 'deaf') return !this.#parts.hears().ready;
    return trouble === 'full' ? this.#looksFull() : this.#told.has(trouble);
  }

  #looksFull(): boolean {
    const { isFull, isTight, isBusy } = this.#parts.room();
    this.#isFull = isFull || isBusy || (this.#isFull && isTight);
    return this.#isFull;
  }

  #turn(next: NodeState): void {
    const { id, logger } = this.#parts;
    const from = this.#state;
    const { level, says } = FACTS[next];
    this.#state = next;
    this.#sinceMs = Date.now();
    const fields = { node: id, state: next, ...(next === 'full' && { detail: this.#parts.room().detail }) };
    // That a node has come to serve is told where it is known at which URL.
    if (from !== 'starting' || next !== 'ready') logger[level](fields, says);
  }

  #detailOf(state: NodeState): string {
    if (state === 'full') return `full: ${this.#parts.room().detail}`;
    return state === 'foreign' ? `foreign: ${FACTS.foreign.says}` : state;
  }
}
