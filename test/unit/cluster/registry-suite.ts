// What every registry must do; run over the one in memory and the one in Redis.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeReport, Registry } from '../../../src/cluster/registry.js';

export interface RegistryHarness {
  readonly registry: Registry;
  /** Lets time pass for the registry, without waiting. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

export function node(id: string, changes: Partial<NodeReport> = {}): NodeReport {
  return {
    id,
    url: `http://${id}.example:8080`,
    incarnation: `${id}-1`,
    connections: 0,
    capacity: 10_000,
    maxConnectsPerSecond: 100_000,
    state: 'ready',
    claimed: [],
    ...changes,
  };
}

export function registrySuite(name: string, open: () => Promise<RegistryHarness>): void {
  describe(name, () => {
    let harness: RegistryHarness;
    let registry: Registry;
    beforeEach(async () => {
      harness = await open();
      registry = harness.registry;
    });
    afterEach(() => harness.close());

    const report = (id: string, changes: Partial<NodeReport> = {}) => registry.report(node(id, changes));
    const ids = async () => (await registry.list()).map(({ id }) => id).sort();
    /** How many of `times` assignments each node was given. */
    async function shares(times: number, exclude: readonly string[] = []): Promise<Record<string, number>> {
      const counts: Record<string, number> = {};
      for (let index = 0; index < times; index++) {
        const id = (await registry.assign(exclude))?.node.id ?? 'nobody';
        counts[id] = (counts[id] ?? 0) + 1;
      }
      return counts;
    }

    describe('assignment', () => {
      it('gives nothing while there is no node', async () => {
        expect(await registry.assign([])).toBeUndefined();
        expect(await registry.list()).toEqual([]);
      });

      it('names a node, a reservation and the others', async () => {
        await report('n1', { connections: 5 });
        await report('n2', { connections: 6 });
        const assignment = await registry.assign([]);
        expect(assignment).toMatchObject({
          node: {
            id: 'n1',
            url: 'http://n1.example:8080',
            connections: 5,
            reservations: 1,
            capacity: 10_000,
            state: 'ready',
          },
          alternatives: [{ id: 'n2', url: 'http://n2.example:8080', connections: 6, reservations: 0 }],
        });
        expect(assignment?.reservation).toMatch(/^[\w-]{12}\.n1$/);
        expect(assignment?.node.reportAgeMs).toBeLessThan(1_000);
      });

      it('spreads a burst between two reports evenly', async () => {
        await report('n1');
        await report('n2');
        await report('n3');
        expect(await shares(300)).toEqual({ n1: 100, n2: 100, n3: 100 });
      });

      it('goes by load, not by number', async () => {
        await report('n1', { capacity: 100 });
        await report('n2', { capacity: 300 });
        expect(await shares(200)).toEqual({ n1: 50, n2: 150 });
      });

      it('levels nodes that begin uneven', async () => {
        await report('n1', { connections: 50 });
        await report('n2');
        expect(await shares(150)).toEqual({ n1: 50, n2: 100 });
      });

      it('breaks ties at random', async () => {
        const first = new Set<string | undefined>();
        for (const id of ['n1', 'n2', 'n3']) await report(id);
        for (let round = 0; round < 60; round++) {
          const assignment = await registry.assign([]);
          if (assignment === undefined) break;
          first.add(assignment.node.id);
          const { id } = assignment.node;
          await report(id, { claimed: [assignment.reservation] });
        }
        expect(first.size).toBe(3);
      });

      it.each(['full', 'deaf', 'draining'] as const)('gives nobody to a node that is %s', async (state) => {
        await report('n1', { state });
        await report('n2', { connections: 9_000 });
        expect(await shares(3)).toEqual({ n2: 3 });
        expect((await registry.assign([]))?.alternatives).toEqual([]);
        expect((await registry.list()).find(({ id }) => id === 'n1')?.state).toBe(state);
      });

      it('stops at the capacity, reservations counted', async () => {
        await report('n1', { connections: 7, capacity: 10 });
        expect(await shares(4)).toEqual({ n1: 3, nobody: 1 });
      });

      it('avoids excluded nodes, unless there are no others', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        expect(await shares(3, ['n1'])).toEqual({ n2: 3 });
        expect((await registry.assign(['n1']))?.alternatives).toEqual([]);
        expect(await shares(3, ['n1', 'n2'])).toEqual({ n1: 3 });
      });

      it('fills a new node no faster than it wants', async () => {
        await report('old', { connections: 9_000 });
        await report('new', { maxConnectsPerSecond: 100 });
        const burst = await shares(200);
        expect(burst.new).toBeGreaterThanOrEqual(50);
        expect(burst.new).toBeLessThan(100);
        await harness.advance(200);
        const later = await shares(100);
        expect(later.new).toBeGreaterThanOrEqual(20);
        expect(later.new).toBeLessThan(60);
      });

      it('gives nothing while every node is at its pace', async () => {
        await report('n1', { maxConnectsPerSecond: 1 });
        expect(await shares(2)).toEqual({ n1: 1, nobody: 1 });
        await harness.advance(1_000);
        expect(await shares(1)).toEqual({ n1: 1 });
      });

      it('names at most eight alternatives', async () => {
        for (let index = 0; index < 12; index++) await report(`n${index}`);
        const assignment = await registry.assign([]);
        const named = new Set(assignment?.alternatives.map(({ id }) => id));
        expect(named.size).toBe(8);
        expect(named).not.toContain(assignment?.node.id);
      });
    });

    describe('a reservation', () => {
      const reserved = async () => (await registry.list()).map(({ reservations }) => reservations);

      it('becomes a connection in one step with the report that claims it', async () => {
        await report('n1');
        const first = await registry.assign([]);
        await registry.assign([]);
        await report('n1', { connections: 1, claimed: [first?.reservation ?? ''] });
        expect(await reserved()).toEqual([1]);
      });

      it('is taken back once, however often it is claimed, and by whichever node', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        const claimed = [(await registry.assign([]))?.reservation ?? ''];
        await registry.assign([]);
        await report('n2', { connections: 9_001, claimed });
        await report('n1', { claimed });
        await report('n1', { claimed: [...claimed, 'no such', 'no.such', ''] });
        expect((await registry.list()).find(({ id }) => id === 'n1')?.reservations).toBe(1);
      });

      it('lapses after 10 s', async () => {
        await report('n1', { capacity: 1 });
        expect(await shares(2)).toEqual({ n1: 1, nobody: 1 });
        await harness.advance(6_000);
        await report('n1', { capacity: 1 });
        expect(await shares(1)).toEqual({ nobody: 1 });
        await harness.advance(4_000);
        await report('n1', { capacity: 1 });
        expect(await reserved()).toEqual([0]);
        expect(await shares(1)).toEqual({ n1: 1 });
      });
    });

    describe('silence', () => {
      it('of 5 s takes a node out while others report', async () => {
        await report('n1');
        await report('n2');
        await harness.advance(4_500);
        await report('n2', { connections: 9_000 });
        expect(await ids()).toEqual(['n1', 'n2']);
        await harness.advance(1_000);
        await report('n2', { connections: 9_000 });
        expect(await ids()).toEqual(['n2']);
        expect(await shares(3)).toEqual({ n2: 3 });
        await report('n1');
        expect(await shares(1)).toEqual({ n1: 1 });
      });

      it('of all leaves them for 10 s', async () => {
        await report('n1');
        await report('n2');
        await harness.advance(9_000);
        expect(await ids()).toEqual(['n1', 'n2']);
        await harness.advance(1_500);
        expect(await ids()).toEqual([]);
        expect(await registry.assign([])).toBeUndefined();
      });

      it('of all that ends leaves the others 10 s to come back', async () => {
        await report('n1');
        await report('n2');
        await report('n3');
        await harness.advance(60_000);
        await report('n1');
        expect(await ids()).toEqual(['n1', 'n2', 'n3']);
        await harness.advance(4_000);
        await report('n1');
        await report('n2');
        await harness.advance(4_000);
        await report('n1');
        await report('n2');
        expect(await ids()).toEqual(['n1', 'n2', 'n3']);
        await harness.advance(3_000);
        await report('n1');
        await report('n2');
        expect(await ids()).toEqual(['n1', 'n2']);
      });

      it('does not bring back who was gone before it', async () => {
        await report('n1');
        await harness.advance(4_000);
        await report('n2');
        await harness.advance(4_000);
        await report('n2');
        await harness.advance(60_000);
        await report('n2');
        expect(await ids()).toEqual(['n2']);
      });

      it('of more than 5 min is not waited out', async () => {
        await report('n1');
        await harness.advance(301_000);
        await report('n2');
        expect(await ids()).toEqual(['n2']);
      });
    });

    describe('an incarnation', () => {
      it('that is newer takes over and fences the older, for good', async () => {
        expect(await report('n1', { incarnation: 'a' })).toBe('accepted');
        expect(await report('n1', { incarnation: 'b', connections: 7 })).toBe('accepted');
        expect(await report('n1', { incarnation: 'a' })).toBe('fenced');
        expect(await report('n1', { incarnation: 'b', connections: 8 })).toBe('accepted');
        await harness.advance(20_000);
        expect(await report('n1', { incarnation: 'a' })).toBe('fenced');
        expect(await registry.list()).toEqual([]);
      });

      it('at another URL is refused while the first is alive', async () => {
        const url = 'http://elsewhere.example';
        await report('n1', { incarnation: 'a' });
        expect(await report('n1', { incarnation: 'b', url })).toBe('refused');
        expect((await registry.list())[0]?.url).toBe('http://n1.example:8080');
        for (let second = 0; second < 7; second++) {
          await report('n2');
          await harness.advance(1_000);
        }
        expect(await report('n1', { incarnation: 'b', url })).toBe('accepted');
        expect(await report('n1', { incarnation: 'a' })).toBe('fenced');
      });

      it('that was removed does not come back; the next one does', async () => {
        await report('n1', { incarnation: 'a' });
        await registry.remove('n1', 'other');
        expect(await ids()).toEqual(['n1']);
        await registry.remove('n1', 'a');
        await registry.remove('n1', 'a');
        await registry.remove('unknown', 'a');
        expect(await ids()).toEqual([]);
        expect(await report('n1', { incarnation: 'a' })).toBe('fenced');
        expect(await report('n1', { incarnation: 'b', url: 'http://elsewhere.example' })).toBe('accepted');
      });

      it('after many others still fences the latest of them', async () => {
        for (let index = 0; index < 40; index++) await report('n1', { incarnation: `i${index}` });
        expect(await report('n1', { incarnation: 'i38' })).toBe('fenced');
        expect(await report('n1', { incarnation: 'i39' })).toBe('accepted');
      });
    });

    describe('a drain', () => {
      it('that is asked for takes the node out of assignment at once, until it starts anew', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        expect(await registry.drainRequested('n1')).toBe(false);
        expect(await registry.requestDrain('n1')).toBe(true);
        expect(await registry.drainRequested('n1')).toBe(true);
        expect(await shares(3)).toEqual({ n2: 3 });
        await report('n1');
        expect((await registry.list()).find(({ id }) => id === 'n1')?.state).toBe('draining');
        await report('n1', { incarnation: 'n1-2' });
        expect(await registry.drainRequested('n1')).toBe(false);
        expect(await shares(3)).toEqual({ n1: 3 });
      });

      it('of a node that is not there is told so', async () => {
        expect(await registry.requestDrain('n1')).toBe(false);
        expect(await registry.drainRequested('n1')).toBe(false);
        await report('n1');
        await harness.advance(20_000);
        expect(await registry.requestDrain('n1')).toBe(false);
      });
    });

    it.each<Partial<NodeReport>>([
      { id: '' },
      { id: 'a b' },
      { url: 'javascript:alert(1)' },
      { url: 'http://host:99999' },
      { url: 'http://user@host' },
      { url: 'http://host/?q' },
      { url: `http://${'h'.repeat(600)}` },
      { incarnation: '' },
      { incarnation: 'a b' },
      { connections: -1 },
      { connections: 1.5 },
      { capacity: 0 },
      { maxConnectsPerSecond: 0 },
      { state: 'other' as 'ready' },
    ])('a report of %j is misuse', async (changes) => {
      await expect(report('n1', changes)).rejects.toThrow(TypeError);
    });
  });
}
