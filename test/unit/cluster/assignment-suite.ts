// What every registry must do to place clients: least loaded, reserved, paced.

import { describe, expect, it } from 'vitest';
import type { TestCluster } from './test-cluster.js';

export function assignmentSuite({ registry, report, shares, advance }: TestCluster): void {
  describe('assignment', () => {
    it('gives nothing while there is no node', async () => {
      expect(await registry().assign([])).toBeUndefined();
      expect(await registry().list()).toEqual([]);
    });

    it('names a node, a reservation and the others', async () => {
      await report('n1', { connections: 5 });
      await report('n2', { connections: 6 });
      const assignment = await registry().assign([]);
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
      expect(assignment?.node.reportAgeMs).toBeGreaterThanOrEqual(0);
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
        const assignment = await registry().assign([]);
        if (assignment === undefined) break;
        const { node, reservation = '' } = assignment;
        first.add(node.id);
        await report(node.id, { claimed: [reservation] });
      }
      expect(first.size).toBe(3);
    });

    it.each(['full', 'deaf', 'draining'] as const)('gives nobody to a node that is %s', async (state) => {
      await report('n1', { state });
      await report('n2', { connections: 9_000 });
      expect(await shares(3)).toEqual({ n2: 3 });
      expect((await registry().assign([]))?.alternatives).toEqual([]);
      expect((await registry().list()).find(({ id }) => id === 'n1')?.state).toBe(state);
    });

    it('stops at the capacity, reservations counted', async () => {
      await report('n1', { connections: 7, capacity: 10 });
      expect(await shares(4)).toEqual({ n1: 3, nobody: 1 });
    });

    it('avoids excluded nodes, unless there are no others', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      expect(await shares(3, ['n1'])).toEqual({ n2: 3 });
      expect((await registry().assign(['n1']))?.alternatives).toEqual([]);
      expect(await shares(3, ['n1', 'n2'])).toEqual({ n1: 3 });
    });

    it('fills a new node no faster than it wants', async () => {
      await report('old', { connections: 9_000 });
      await report('new', { maxConnectsPerSecond: 100 });
      const burst = await shares(200);
      expect(burst.new).toBeGreaterThanOrEqual(50);
      expect(burst.new).toBeLessThan(100);
      await advance(200);
      const later = await shares(100);
      expect(later.new).toBeGreaterThanOrEqual(20);
      expect(later.new).toBeLessThan(60);
    });

    it('gives nothing while every node is at its pace', async () => {
      await report('n1', { maxConnectsPerSecond: 1 });
      expect(await shares(2)).toEqual({ n1: 1, nobody: 1 });
      await advance(1_000);
      expect(await shares(1)).toEqual({ n1: 1 });
    });

    it('names at most eight alternatives', async () => {
      for (let index = 0; index < 12; index++) await report(`n${index}`);
      const assignment = await registry().assign([]);
      const named = new Set(assignment?.alternatives.map(({ id }) => id));
      expect(named.size).toBe(8);
      expect(named).not.toContain(assignment?.node.id);
    });
  });

  describe('a reservation', () => {
    const reserved = async () => (await registry().list()).map(({ reservations }) => reservations);

    it('becomes a connection in one step with the report that claims it', async () => {
      await report('n1');
      const first = await registry().assign([]);
      await registry().assign([]);
      await report('n1', { connections: 1, claimed: [first?.reservation ?? ''] });
      expect(await reserved()).toEqual([1]);
    });

    it('is taken back once, however often it is claimed, and by whichever node', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      const claimed = [(await registry().assign([]))?.reservation ?? ''];
      await registry().assign([]);
      await report('n2', { connections: 9_001, claimed });
      await report('n1', { claimed });
      await report('n1', { claimed: [...claimed, 'no such', 'no.such', ''] });
      expect((await registry().list()).find(({ id }) => id === 'n1')?.reservations).toBe(1);
    });

    it('lapses after 10 s', async () => {
      await report('n1', { capacity: 1 });
      expect(await shares(2)).toEqual({ n1: 1, nobody: 1 });
      await advance(6_000);
      await report('n1', { capacity: 1 });
      expect(await shares(1)).toEqual({ nobody: 1 });
      await advance(4_000);
      await report('n1', { capacity: 1 });
      expect(await reserved()).toEqual([0]);
      expect(await shares(1)).toEqual({ n1: 1 });
    });
  });
}
