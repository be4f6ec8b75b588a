// A node's life, cell by cell: what each event makes of each phase, and what each state says.

import { describe, expect, it } from 'vitest';
import { Lifecycle, type NodeEvent, type NodePhase, type NodeState, type Room } from '../../../src/node/lifecycle.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const ROOM: Room = { isFull: false, isTight: false, isBusy: false, detail: '1 of 10 links' };

/** A life whose surroundings are in the test's hands. */
function life(...events: readonly NodeEvent[]) {
  const world = { room: ROOM, hears: true };
  const logger = new RecordingLogger();
  const made = new Lifecycle({
    id: 'n1',
    logger,
    room: () => world.room,
    hears: () => ({ ready: world.hears, detail: 'Redis is away' }),
  });
  for (const event of events) made.on(event);
  return { life: made, world, logger };
}

/** The shortest way into each phase. */
const WAYS: Readonly<Record<NodePhase, readonly NodeEvent[]>> = {
  starting: [],
  serving: ['serve'],
  leaving: ['serve', 'leave'],
  draining: ['serve', 'drain'],
  closed: ['close'],
};

describe('an event', () => {
  it.each<[NodePhase, Readonly<Record<NodeEvent, NodeState>>]>([
    ['starting', { serve: 'ready', leave: 'starting', drain: 'closed', close: 'closed' }],
    ['serving', { serve: 'ready', leave: 'leaving', drain: 'draining', close: 'closed' }],
    ['leaving', { serve: 'leaving', leave: 'leaving', drain: 'draining', close: 'closed' }],
    ['draining', { serve: 'draining', leave: 'draining', drain: 'draining', close: 'closed' }],
    ['closed', { serve: 'closed', leave: 'closed', drain: 'closed', close: 'closed' }],
  ])('finds a node %s and makes of it what the table says', (phase, cells) => {
    const found = Object.keys(cells).map((event) => [event, life(...WAYS[phase], event as NodeEvent).life.state]);
    expect(Object.fromEntries(found)).toEqual(cells);
  });
});

describe('a state', () => {
  type Wrong = (made: ReturnType<typeof life>) => void;
  const fenced: Wrong = ({ life }) => life.set('fenced', true);
  const foreign: Wrong = ({ life }) => life.set('foreign', true);
  const deaf: Wrong = ({ world }) => {
    world.hears = false;
  };
  const full: Wrong = ({ world }) => {
    world.room = { ...ROOM, isFull: true };
  };
  const busy: Wrong = ({ world }) => {
    world.room = { ...ROOM, isBusy: true };
  };

  /** What newcomers are told. */
  const admission = (made: Lifecycle): string => {
    try {
      made.requireAdmission();
      return 'admitted';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it.each<[NodeState, readonly Wrong[], readonly NodeEvent[], string, string, boolean]>([
    ['starting', [], [], 'overloaded', 'draining', false],
    ['ready', [], ['serve'], 'admitted', 'ready', true],
    ['full', [full], ['serve'], 'overloaded', 'full', true],
    ['full', [busy], ['serve'], 'admitted', 'full', true],
    ['deaf', [deaf], ['serve'], 'admitted', 'deaf', true],
    ['deaf', [deaf, full], ['serve'], 'overloaded', 'deaf', true],
    ['foreign', [foreign, deaf, full], ['serve'], 'overloaded', 'foreign', false],
    ['foreign', [foreign], ['serve'], 'admitted', 'foreign', false],
    ['fenced', [fenced, foreign, deaf, full], ['serve'], 'draining', 'draining', false],
    ['leaving', [], ['serve', 'leave'], 'admitted', 'draining', false],
    ['leaving', [fenced, deaf], ['serve', 'leave'], 'admitted', 'draining', false],
    ['draining', [fenced, full], ['serve', 'drain'], 'draining', 'draining', false],
    ['closed', [full], ['serve', 'drain', 'close'], 'draining', 'draining', false],
  ])(
    'is %s with %j after %j: a newcomer is %s, the registry hears %s, its check is %s',
    (state, wrongs, events, ...says) => {
      const made = life(...events);
      for (const wrong of wrongs) wrong(made);
      const { ok, detail, name } = made.life.check();
      expect([made.life.state, admission(made.life), made.life.reported(), ok]).toEqual([state, ...says]);
      expect([name, detail.startsWith(state)]).toEqual(['node', true]);
      const figure = `state${made.life.reported().replace(/^./, (letter) => letter.toUpperCase())}`;
      expect(Object.entries(made.life.stats()).filter(([, value]) => value === 1)).toEqual([[figure, 1]]);
      expect(made.life.isMoving).toBe(state === 'draining' || state === 'closed');
    },
  );

  it('is told to the log once when it begins, and once when it ends', () => {
    const made = life('serve');
    made.life.look();
    expect(made.logger.lines).toEqual([]);
    full(made);
    for (let looks = 0; looks < 3; looks++) made.life.look();
    made.world.room = ROOM;
    for (let looks = 0; looks < 3; looks++) made.life.check();
    expect(made.logger.lines.map(({ level, fields }) => [level, fields])).toEqual([
      ['warn', { node: 'n1', state: 'full', detail: '1 of 10 links' }],
      ['info', { node: 'n1', state: 'ready' }],
    ]);
  });

  it('goes on to be full until a twentieth of the places is free', () => {
    const { life: made, world } = life('serve');
    const seen = [];
    for (const [isFull, isTight] of [
      ...[[false, true] as const, [true, true] as const, [false, true] as const, [false, false] as const],
      [false, true] as const,
    ]) {
      world.room = { ...ROOM, isFull, isTight };
      seen.push(made.state);
    }
    expect(seen).toEqual(['ready', 'full', 'full', 'ready', 'ready']);
  });

  it.each<[string, readonly Wrong[], readonly NodeEvent[]]>([
    ['', [], ['serve']],
    ['1 of 10 links', [full], ['serve']],
    ['Redis is away', [deaf, full], ['serve']],
    ['another node has this id; this one takes no new clients', [fenced], ['serve']],
    ['the node is starting', [], []],
    ['the node is about to be drained', [], ['serve', 'leave']],
    ['the node is being drained', [full], ['serve', 'drain']],
  ])('tells operators why it is so: %j with %j after %j', (why, wrongs, events) => {
    const made = life(...events);
    for (const wrong of wrongs) wrong(made);
    expect(made.life.why()).toBe(why);
  });

  it('names in its detail what it is full of', () => {
    const made = life('serve');
    busy(made);
    expect(made.life.check().detail).toBe('full: 1 of 10 links');
  });
});
