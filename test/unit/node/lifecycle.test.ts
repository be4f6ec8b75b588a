// A node's life, cell by cell: what each event makes of each state, and what each state says.

import { describe, expect, it } from 'vitest';
import { Lifecycle, type NodeEvent, type NodeState } from '../../../src/node/lifecycle.js';

/** The shortest way into each state. */
const WAYS: Readonly<Record<NodeState, readonly NodeEvent[]>> = {
  starting: [],
  ready: ['serving'],
  fenced: ['serving', 'displaced'],
  draining: ['serving', 'drain'],
  closed: ['close'],
};
const STATES = Object.keys(WAYS) as NodeState[];

function lifeIn(state: NodeState): Lifecycle {
  const life = new Lifecycle();
  for (const event of WAYS[state]) life.on(event);
  expect(life.state).toBe(state);
  return life;
}

describe('an event', () => {
  it.each<[NodeState, readonly [NodeEvent, NodeState][]]>([
    [
      'starting',
      [
        ['serving', 'ready'],
        ['accepted', 'starting'],
        ['displaced', 'starting'],
        ['drain', 'closed'],
        ['close', 'closed'],
      ],
    ],
    [
      'ready',
      [
        ['serving', 'ready'],
        ['accepted', 'ready'],
        ['displaced', 'fenced'],
        ['drain', 'draining'],
        ['close', 'closed'],
      ],
    ],
    [
      'fenced',
      [
        ['serving', 'fenced'],
        ['accepted', 'ready'],
        ['displaced', 'fenced'],
        ['drain', 'closed'],
        ['close', 'closed'],
      ],
    ],
    [
      'draining',
      [
        ['serving', 'draining'],
        ['accepted', 'draining'],
        ['displaced', 'draining'],
        ['drain', 'closed'],
        ['close', 'closed'],
      ],
    ],
    [
      'closed',
      [
        ['serving', 'closed'],
        ['accepted', 'closed'],
        ['displaced', 'closed'],
        ['drain', 'closed'],
        ['close', 'closed'],
      ],
    ],
  ])('finds %s and makes of it what the table says', (state, cells) => {
    for (const [event, next] of cells) {
      const life = lifeIn(state);
      expect([event, life.on(event), life.state]).toEqual([event, next !== state, next]);
    }
  });
});

describe('a state', () => {
  const ROOM = { isFull: false, isBusy: false };
  const refusal = (state: NodeState, isFull: boolean) => {
    try {
      lifeIn(state).requireAdmission({ isFull, isBusy: true });
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it('admits while there is room, unless it drains', () => {
    expect(STATES.map((state) => refusal(state, false))).toEqual([
      undefined,
      undefined,
      undefined,
      'draining',
      undefined,
    ]);
    expect(STATES.map((state) => refusal(state, true))).toEqual([
      ...['overloaded', 'overloaded', 'overloaded', 'draining', 'overloaded'],
    ]);
  });

  it('is reported as draining unless it is ready, and then as room and load say', () => {
    expect(STATES.map((state) => lifeIn(state).reported(ROOM))).toEqual([
      ...['draining', 'ready', 'draining', 'draining', 'draining'],
    ]);
    expect(lifeIn('ready').reported({ isFull: true, isBusy: false })).toBe('full');
    expect(lifeIn('ready').reported({ isFull: false, isBusy: true })).toBe('full');
  });

  it('is ready only when it is', () => {
    expect(STATES.map((state) => lifeIn(state).check().ok)).toEqual([false, true, false, false, false]);
    expect(lifeIn('fenced').check()).toMatchObject({ name: 'node', detail: 'fenced' });
  });
});
