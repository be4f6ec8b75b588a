// Links that a whole cluster counts, against a slow model: whatever comes and goes, dies, is told late or lost.

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LIVES_MS } from '../../support/link-store.js';
import { NODES, World } from './link-world.js';

// The tests do what timers do.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TOO_MANY = expect.objectContaining({ code: 'too_many_connections', retryAfterMs: expect.any(Number) });

async function world(max: number): Promise<World> {
  const made = new World(max, NODES);
  await made.settle();
  return made;
}

describe('one user at four nodes', () => {
  it.each([1, 2, 5, 100])('has %i links and none more, whichever node they come to', async (max) => {
    const w = await world(max);
    for (let n = 0; n < max; n++) {
      w.come(NODES[n % 4] ?? 'n1', `s${n}`);
      await w.tell(NODES[n % 4] ?? 'n1');
    }
    expect(w.ended).toEqual([]);
    for (const node of NODES) {
      try {
        w.come(node, `more at ${node}`);
      } catch (error) {
        expect(error).toEqual(TOO_MANY);
      }
      await w.tell(node);
    }
    expect(w.counted()).toBe(max);
    for (const retryAfterMs of w.ended) expect(retryAfterMs).toBeGreaterThan(0);
    // One goes, at another node than the next one comes to.
    w.go('n1', 's0');
    await w.settle();
    w.come('n2', 'next');
    await w.settle();
    expect(w.counted()).toBe(max);
    expect(w.open.some(({ session }) => session === 'next')).toBe(true);
  });

  it('is let in at once as often as its share says, and those that are too many end when that has been told', async () => {
    const w = await world(100);
    for (const node of NODES) {
      for (let n = 0; n < 25; n++) w.come(node, `${node}.${n}`);
      expect(() => w.come(node, 'one more')).toThrow(TOO_MANY);
    }
    expect(w.counted()).toBe(100);
    const full = await world(100);
    for (let n = 0; n < 90; n++) {
      full.come('n1', `s${n}`);
      await full.tell('n1');
    }
    // Nobody has told these three.
    for (const node of ['n2', 'n3', 'n4']) for (let n = 0; n < 25; n++) full.come(node, `${node}.${n}`);
    expect(full.counted()).toBe(165);
    for (const node of NODES) await full.tell(node);
    expect(full.counted()).toBe(100);
    expect(full.ended).toHaveLength(65);
    // The newest.
    expect(full.open.filter(({ node }) => node === 'n2').map(({ session }) => session)).toEqual(
      Array.from({ length: 10 }, (_, n) => `n2.${n}`),
    );
  });

  it('is not refused where a link replaces one of its session at another node', async () => {
    const w = await world(8);
    for (const [at, node] of NODES.entries()) {
      for (const n of [0, 1]) w.come(node, `s${2 * at + n}`);
      await w.tell(node);
    }
    await w.beat();
    // All of n1 move, and somebody comes for whom there is no room.
    w.come('n2', 's0');
    w.come('n2', 'other');
    w.come('n3', 's1');
    for (const node of NODES) await w.tell(node);
    expect(w.ended).toHaveLength(1);
    expect(w.open.some(({ session }) => session === 'other')).toBe(false);
    expect(() => w.come('n2', 'other')).toThrow(TOO_MANY);
    w.come('n2', 's7');
    await w.tell('n2');
    w.go('n2', 's7');
    expect(w.counted()).toBe(8);
    w.kill('n1');
    await w.settle();
    expect(w.counted()).toBe(8);
    expect(w.open).toHaveLength(8);
  });

  it('has the links of a node that was killed back when nobody believes that node any more', async () => {
    const w = await world(4);
    for (let n = 0; n < 4; n++) w.come('n1', `s${n}`);
    await w.settle();
    w.kill('n1');
    // Whoever knew nothing lets it in, and hears.
    w.come('n2', 'new');
    await w.tell('n2');
    expect(w.ended).toHaveLength(1);
    const diedMs = w.nowMs;
    while (w.nowMs < diedMs + LIVES_MS) await w.beat();
    for (let n = 0; n < 4; n++) w.come('n2', `new${n}`);
    await w.settle();
    expect(w.counted()).toBe(4);
    expect(w.ended).toHaveLength(1);
  });

  it('has those of a node that ends properly back at once', async () => {
    const w = await world(2);
    for (const session of ['a', 'b']) w.come('n1', session);
    await w.tell('n1');
    w.nodes.get('n1')?.close();
    w.kill('n1');
    for (const session of ['c', 'd']) w.come('n2', session);
    await w.tell('n2');
    expect(w.counted()).toBe(2);
    expect(w.ended).toEqual([]);
  });

  it('is counted by each node alone while the store is away, those who came then stay, and nobody more comes after', async () => {
    const w = await world(4);
    for (const session of ['a', 'b', 'c']) w.come('n1', session);
    await w.settle();
    w.store.isAway = true;
    await w.beat();
    for (let n = 0; n < 4; n++) w.come('n2', `s${n}`);
    w.come('n1', 'd');
    expect(w.failedOpen()).toBe(5);
    // Its own count holds.
    expect(() => w.come('n1', 'e')).toThrow(TOO_MANY);
    w.store.isAway = false;
    await w.settle();
    expect(w.ended).toEqual([]);
    for (const node of ['n1', 'n2']) expect(() => w.come(node, 'f')).toThrow(TOO_MANY);
    expect(w.failedOpen()).toBe(5);
    for (let n = 0; n < 4; n++) w.go('n2', `s${n}`);
    w.go('n1', 'd');
    await w.settle();
    w.come('n1', 'g');
    await w.settle();
    expect(w.counted()).toBe(4);
    expect(w.ended).toEqual([]);
  });

  it('waits for no answer: one that is over a second late is none', async () => {
    const w = await world(4);
    w.come('n1', 'a');
    w.nodes.get('n1')?.flush();
    w.nowMs += 1_001;
    for (const session of ['b', 'c', 'd']) w.come('n1', session);
    expect(w.failedOpen()).toBe(3);
    await w.store.answer('n1');
    await w.settle();
    expect(w.ended).toEqual([]);
    expect(w.counted()).toBe(4);
  });

  it('has the right count again when the store has lost it', async () => {
    const w = await world(4);
    for (const session of ['a', 'b']) w.come('n1', session);
    for (const session of ['c', 'd']) w.come('n2', session);
    await w.settle();
    w.store.lose();
    await w.settle();
    w.come('n3', 'e');
    await w.tell('n3');
    expect(w.ended).toHaveLength(1);
    expect(w.counted()).toBe(4);
  });

  it('costs nothing to be told where one link takes the place of another', async () => {
    const w = await world(4);
    w.come('n1', 'a');
    await w.tell('n1');
    const before = w.store.calls;
    for (let n = 0; n < 100; n++) {
      w.go('n1', 'a');
      w.nowMs += 100;
      w.come('n1', 'a');
      await w.tell('n1');
    }
    expect(w.store.calls).toBe(before);
    w.go('n1', 'a');
    w.nowMs += 251;
    await w.tell('n1');
    expect(w.store.calls).toBe(before + 1);
  });
});

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('come' as const), node: fc.constantFrom(...NODES) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('go' as const), node: fc.constantFrom(...NODES) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('tell' as const), node: fc.constantFrom(...NODES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('beat' as const), node: fc.constantFrom(...NODES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), node: fc.constantFrom(...NODES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), node: fc.constantFrom(...NODES) }) },
);
const session = fc.constantFrom('s1', 's2', 's3', 's4', '');
const script = fc.array(fc.tuple(step, session, fc.constantFrom('anna', 'ben')), { maxLength: 120 });

async function play(w: World, steps: readonly (readonly [{ do: string; node: string }, string, string])[]) {
  for (const [{ do: what, node }, of, user] of steps) {
    if (what === 'come') {
      try {
        w.come(node, of, user);
      } catch (error) {
        expect(error).toEqual(TOO_MANY);
      }
    } else if (what === 'go') w.go(node, of, user);
    else if (what === 'tell') await w.tell(node);
    else if (what === 'beat') await w.beat();
    else if (what === 'kill') w.kill(node);
    else w.store.lose();
  }
}

describe('whatever comes and goes, dies, is told late or lost', () => {
  it('there are a few too many for a while, and none when all has been told', async () => {
    await fc.assert(
      fc.asyncProperty(script, fc.integer({ min: 1, max: 6 }), async (steps, max) => {
        const w = await world(max);
        const isMild = steps.every(([{ do: what }]) => what !== 'lose' && what !== 'kill');
        for (const one of steps) {
          await play(w, [one]);
          // Each node lets in its share, and as many that replace one, before it has told.
          if (isMild) expect(w.counted()).toBeLessThanOrEqual(4 * Math.min(2 * max, 2 * Math.max(4, max / 4)));
        }
        const begunMs = w.nowMs;
        while (w.nowMs <= begunMs + LIVES_MS + 2_000) await w.beat();
        for (const user of ['anna', 'ben']) {
          const counted = w.counted(user);
          const before = w.ended.length;
          let isRefused = false;
          try {
            w.come('n3', 'somebody new', user);
          } catch {
            isRefused = true;
          }
          await w.settle();
          if (counted < max) expect([isRefused, w.ended.length]).toEqual([false, before]);
          else expect(isRefused || w.ended.length > before).toBe(true);
          expect(w.counted(user)).toBeLessThanOrEqual(Math.max(max, counted));
          if (isMild) expect(w.counted(user)).toBeLessThanOrEqual(max);
          w.go('n3', 'somebody new', user);
        }
        for (const one of [...w.open]) w.go(one.node, one.session, one.user);
        await w.settle();
        for (let n = 0; n < max; n++) {
          w.come(NODES[n % 4] ?? 'n1', '');
          await w.tell(NODES[n % 4] ?? 'n1');
        }
        await w.settle();
        expect(w.counted()).toBe(max);
      }),
      { numRuns: 300 },
    );
  });
});
