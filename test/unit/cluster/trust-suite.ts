// What every registry must do about nodes that discovery does not allow, and about those that clients do not reach.

import { describe, expect, it } from 'vitest';
import { node, type TestCluster } from './test-cluster.js';

export function trustSuite({ registry, report, shares, advance }: TestCluster): void {
  const assigned = async (allowed?: readonly string[]) => (await registry().assign([], allowed))?.node.id;
  const doubts = async () =>
    Object.fromEntries((await registry().list()).map(({ id, doubt }) => [id, doubt ?? 'none'] as const));

  describe('a node that is not allowed', () => {
    it('gets nobody, is no alternative, and is told of', async () => {
      await report('n1', { connections: 5_000 });
      await report('n2');
      await report('n3', { connections: 6_000 });
      expect(await registry().assign([], ['n1', 'n3'])).toMatchObject({
        node: { id: 'n1' },
        alternatives: [{ id: 'n3' }],
        others: 1,
      });
      expect(await registry().assign(['n1'], ['n1'])).toMatchObject({ node: { id: 'n1' }, alternatives: [] });
      expect((await registry().assign([], ['n1', 'n2', 'n3']))?.others).toBe(0);
      expect((await registry().assign([]))?.others).toBe(0);
      expect(await assigned(['n9'])).toBeUndefined();
      expect(await assigned([])).toBeUndefined();
    });
  });

  describe('a node whose URL has not been seen to lead to it', () => {
    it('gets nobody while another can take clients, and is named', async () => {
      await report('n1', { connections: 9_000 });
      await report('n2', { reached: false });
      expect(await shares(5)).toEqual({ n1: 5 });
      expect((await registry().assign([]))?.alternatives).toEqual([]);
      expect((await registry().assign(['n1']))?.node.id).toBe('n1');
      expect(await doubts()).toEqual({ n1: 'none', n2: 'unreached' });
      await report('n1', { connections: 10_000 });
      expect(await shares(2)).toEqual({ n2: 2 });
      await report('n1', { state: 'draining' });
      expect(await shares(2)).toEqual({ n2: 2 });
    });

    it('is one like the others where no URL is known to lead anywhere', async () => {
      await report('n1', { reached: false });
      await report('n2', { reached: false });
      expect(await shares(10)).toEqual({ n1: 5, n2: 5 });
    });
  });

  describe('places that lapse', () => {
    /** Has a client sent to n1 and go astray. */
    async function astray(times: number): Promise<void> {
      for (let index = 0; index < times; index++) expect(await assigned(['n1'])).toBe('n1');
      for (let second = 0; second < 11; second++) {
        await advance(1_000);
        await report('n1');
        await report('n2', { connections: 9_000 });
      }
      await registry().list();
    }
    const told = async () => {
      const { lapsed, isDoubted } = await registry().report(node('n1'));
      return [lapsed, isDoubted];
    };
    /** Whether the least loaded of the two gets the next client; whoever is sent to the other comes there. */
    const isPreferred = async () => {
      const assignment = await registry().assign([]);
      if (assignment?.node.id === 'n1') return true;
      await report('n2', { connections: 9_000, claimed: [assignment?.reservation ?? ''] });
      return false;
    };

    it('one or two after the other mean nothing, and a client that comes ends the count', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      await astray(2);
      expect([await told(), await doubts()]).toEqual([[2, false], { n1: 'none', n2: 'none' }]);
      const assignment = await registry().assign([], ['n1']);
      await report('n1', { claimed: [assignment?.reservation ?? ''] });
      await astray(2);
      expect(await told()).toEqual([4, false]);
    });

    it('three after the other bring a rest that grows, and one client at its end is sent to see', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      await astray(5);
      expect([await told(), await doubts()]).toEqual([[5, true], { n1: 'lapsed', n2: 'none' }]);
      expect(await isPreferred()).toBe(false);
      await astray(0);
      expect(await isPreferred()).toBe(true);
      expect(await isPreferred()).toBe(false);
      await astray(0);
      // That client went astray too: now the rest is twice as long.
      expect(await isPreferred()).toBe(false);
      await astray(0);
      expect(await isPreferred()).toBe(false);
      await astray(0);
      expect(await isPreferred()).toBe(true);
    });

    it('leave a node that is the only one as it is', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      await astray(3);
      expect(await assigned(['n1'])).toBe('n1');
    });

    it('end with the first client that comes', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      await astray(4);
      const assignment = await registry().assign([], ['n1']);
      await report('n1', { claimed: [assignment?.reservation ?? ''] });
      expect([await told(), await isPreferred()]).toEqual([[4, false], true]);
    });

    it('are those too whose clients came to another node', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      const claimed = [];
      for (let index = 0; index < 3; index++) claimed.push((await registry().assign([], ['n1']))?.reservation ?? '');
      await report('n2', { connections: 9_000, claimed });
      expect([await told(), await isPreferred()]).toEqual([[3, true], false]);
      expect((await registry().list()).map(({ reservations }) => reservations)).toEqual([0, 0]);
    });

    describe('of one asker', () => {
      const ask = async (mark: string, exclude: readonly string[] = [], allowed?: readonly string[]) =>
        registry().assign(exclude, allowed, { mark, reserves: true });
      /** Has one client of each sent to n1, by this way, and go astray. */
      async function lose(marks: readonly string[], exclude: readonly string[] = [], allowed?: readonly string[]) {
        for (const mark of marks) expect((await ask(mark, exclude, allowed))?.node.id).toBe('n1');
        await astray(0);
      }

      it('count once, and once more after each rest, which makes that no longer', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        await lose(['a', 'a', 'a', 'a', 'b'], [], ['n1']);
        expect([await told(), await doubts()]).toEqual([[5, false], { n1: 'none', n2: 'none' }]);
        await lose(['a', 'c'], [], ['n1']);
        expect([await told(), await doubts()]).toEqual([[7, true], { n1: 'lapsed', n2: 'none' }]);
        await astray(0);
        await lose(['b']);
        expect(await doubts()).toMatchObject({ n1: 'lapsed' });
        await astray(0);
        // No longer than the one before.
        expect(await isPreferred()).toBe(true);
      });

      it('count for nothing where "exclude" has led there', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        await lose(['a', 'b', 'c', 'd'], ['n2']);
        const claimed = await Promise.all(['e', 'f', 'g'].map((mark) => ask(mark, ['n2'])));
        await report('n2', { connections: 9_000, claimed: claimed.map((one) => one?.reservation ?? '') });
        expect([await told(), await isPreferred()]).toEqual([[7, false], true]);
      });

      it('are not what is sent to see after a rest, where it leaves others out', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        await lose(['a', 'b', 'c'], [], ['n1']);
        await astray(0);
        expect((await ask('d', ['n2']))?.node.id).toBe('n2');
        expect((await ask('e', ['n1']))?.node.id).toBe('n2');
        expect((await ask('f'))?.node.id).toBe('n1');
      });

      it('are none where no place is kept for it: it is sent to any node', async () => {
        await report('n1');
        await report('n2', { connections: 9_000 });
        const named = new Set<string | undefined>();
        for (let index = 0; index < 60; index++) {
          const assignment = await registry().assign([], undefined, { mark: 'a', reserves: false });
          expect(assignment?.reservation).toBeUndefined();
          named.add(assignment?.node.id);
        }
        expect([...named].sort()).toEqual(['n1', 'n2']);
        expect((await registry().list()).map(({ reservations }) => reservations)).toEqual([0, 0]);
      });
    });

    describe('say nothing of a node', () => {
      const OTHER = { connections: 9_000 };
      const send = async (times: number) => {
        const claimed: string[] = [];
        for (let index = 0; index < times; index++)
          claimed.push((await registry().assign([], ['n1']))?.reservation ?? '');
        return claimed;
      };

      it.each([
        ['look', () => registry().list()],
        ['report of another node', () => report('n2', OTHER)],
      ])(
        'where they were given before a silence of all, or a step of the clock, that ends with a %s',
        async (_, end) => {
          await report('n1');
          await report('n2', OTHER);
          const came = await send(5);
          await advance(12_000);
          await end();
          expect(Object.values(await doubts())).not.toContain('lapsed');
          await report('n2', OTHER);
          await registry().list();
          expect(await told()).toEqual([0, false]);
          await report('n1', { claimed: came });
          // Those that are given from then on count again.
          await astray(3);
          expect(await told()).toEqual([3, true]);
        },
      );

      it('where their clients came to another node during a silence of all', async () => {
        await report('n1');
        await report('n2', OTHER);
        const claimed = await send(3);
        await advance(8_000);
        await report('n1');
        await report('n2', { ...OTHER, claimed });
        expect([await told(), await isPreferred()]).toEqual([[0, false], true]);
      });

      it('that began anew since they were given', async () => {
        await report('n1');
        await report('n2', OTHER);
        await send(5);
        for (let second = 0; second < 12; second++) {
          await advance(1_000);
          await report('n1', { incarnation: 'n1-2' });
          await report('n2', OTHER);
        }
        expect(await doubts()).toEqual({ n1: 'none', n2: 'none' });
      });

      it('that was gone when they lapsed', async () => {
        await report('n1');
        await report('n2', OTHER);
        await send(5);
        for (let second = 0; second < 12; second++) {
          await advance(1_000);
          await report('n2', OTHER);
        }
        expect(await doubts()).toEqual({ n2: 'none' });
        expect([await told(), await isPreferred()]).toEqual([[0, false], true]);
      });

      it('to which a client comes after its place has lapsed', async () => {
        await report('n1');
        await report('n2', OTHER);
        const claimed = await send(1);
        await astray(4);
        expect(await told()).toEqual([5, true]);
        await report('n2', { ...OTHER, claimed });
        expect(await told()).toEqual([5, true]);
        await report('n1', { claimed });
        expect([await told(), await isPreferred()]).toEqual([[5, false], true]);
      });
    });
  });
}
