// What every registry must know of its nodes: who is alive, who has an id, who is to drain.

import { describe, expect, it } from 'vitest';
import type { NodeReport } from '../../../src/cluster/registry.js';
import { node, type TestCluster } from './test-cluster.js';

export function membershipSuite({ registry, report, drains, ids, shares, advance }: TestCluster): void {
  describe('silence', () => {
    it('of 5 s takes a node out while others report', async () => {
      await report('n1');
      await report('n2');
      await advance(4_500);
      await report('n2', { connections: 9_000 });
      expect(await ids()).toEqual(['n1', 'n2']);
      await advance(1_000);
      await report('n2', { connections: 9_000 });
      expect(await ids()).toEqual(['n2']);
      expect(await shares(3)).toEqual({ n2: 3 });
      await report('n1');
      expect(await shares(1)).toEqual({ n1: 1 });
    });

    it('of all leaves them for 10 s', async () => {
      await report('n1');
      await report('n2');
      await advance(9_000);
      expect(await ids()).toEqual(['n1', 'n2']);
      await advance(1_500);
      expect(await ids()).toEqual([]);
      expect(await registry().assign([])).toBeUndefined();
    });

    it('of all that ends leaves the others 10 s to come back', async () => {
      await report('n1');
      await report('n2');
      await report('n3');
      await advance(60_000);
      await report('n1');
      expect(await ids()).toEqual(['n1', 'n2', 'n3']);
      await advance(4_000);
      await report('n1');
      await report('n2');
      await advance(4_000);
      await report('n1');
      await report('n2');
      expect(await ids()).toEqual(['n1', 'n2', 'n3']);
      await advance(3_000);
      await report('n1');
      await report('n2');
      expect(await ids()).toEqual(['n1', 'n2']);
    });

    it('does not bring back who was gone before it', async () => {
      await report('n1');
      await advance(4_000);
      await report('n2');
      await advance(4_000);
      await report('n2');
      await advance(60_000);
      await report('n2');
      expect(await ids()).toEqual(['n2']);
    });

    it('of more than 5 min is not waited out', async () => {
      await report('n1');
      await advance(301_000);
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
      await advance(20_000);
      expect(await report('n1', { incarnation: 'a' })).toBe('fenced');
      expect(await registry().list()).toEqual([]);
    });

    it('at another URL is refused while the first is alive', async () => {
      const url = 'http://elsewhere.example';
      await report('n1', { incarnation: 'a' });
      expect(await report('n1', { incarnation: 'b', url })).toBe('refused');
      expect((await registry().list())[0]?.url).toBe('http://n1.example:8080');
      for (let second = 0; second < 7; second++) {
        await report('n2');
        await advance(1_000);
      }
      expect(await report('n1', { incarnation: 'b', url })).toBe('accepted');
      expect(await report('n1', { incarnation: 'a' })).toBe('fenced');
    });

    it('that was removed does not come back; the next one does', async () => {
      await report('n1', { incarnation: 'a' });
      await registry().remove('n1', 'other');
      expect(await ids()).toEqual(['n1']);
      await registry().remove('n1', 'a');
      await registry().remove('n1', 'a');
      await registry().remove('unknown', 'a');
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

  it('the features that a node reports are listed, also of one that drains', async () => {
    await report('n1', { features: ['ping', 'later'] });
    await report('n2');
    await registry().requestDrain('n1');
    const listed = (await registry().list()).map(({ id, features }) => [id, features]).sort();
    expect(listed).toEqual([
      ['n1', ['ping', 'later']],
      ['n2', undefined],
    ]);
    await expect(report('n3', { features: ['no spaces'] })).rejects.toThrow(TypeError);
  });

  describe('a drain', () => {
    it('that is asked for takes the node out of assignment at once, until it starts anew', async () => {
      await report('n1');
      await report('n2', { connections: 9_000 });
      expect(await drains('n1')).toBe(false);
      expect(await registry().requestDrain('n1')).toBe(true);
      expect(await drains('n1')).toBe(true);
      expect(await shares(3)).toEqual({ n2: 3 });
      await report('n1');
      expect((await registry().list()).find(({ id }) => id === 'n1')?.state).toBe('draining');
      expect(await drains('n1', { incarnation: 'n1-2' })).toBe(false);
      expect(await shares(3)).toEqual({ n1: 3 });
    });

    it('of a node that is not there is told so', async () => {
      expect(await registry().requestDrain('n1')).toBe(false);
      expect(await drains('n1')).toBe(false);
      await advance(20_000);
      expect(await registry().requestDrain('n1')).toBe(false);
    });
  });

  describe('what a node proves', () => {
    it('is handed on with its start and the moment of its report', async () => {
      const { nowMs } = await registry().report(node('n1', { proof: 'abc.def' }));
      expect((await registry().list())[0]).toMatchObject({
        ...{ proof: 'abc.def', incarnation: 'n1-1', reportedAtMs: nowMs },
      });
      expect((await registry().assign([]))?.node).toMatchObject({ proof: 'abc.def', incarnation: 'n1-1' });
    });
  });

  describe('the secret that a discovery signs with', () => {
    const signers = async () => [...(await registry().report(node('n1'))).signers].sort();

    it('is told to nodes for 15 s, and those of others too', async () => {
      expect(await signers()).toEqual([]);
      await registry().list('one');
      await registry().list('one');
      expect(await signers()).toEqual(['one']);
      await advance(10_000);
      await registry().list('two');
      expect(await signers()).toEqual(['one', 'two']);
      await advance(6_000);
      expect(await signers()).toEqual(['two']);
      await advance(10_000);
      expect(await signers()).toEqual([]);
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
    { proof: 'a b' },
    { proof: 'x'.repeat(2_049) },
  ])('a report of %j is misuse', async (changes) => {
    await expect(report('n1', changes)).rejects.toThrow(TypeError);
  });
}
