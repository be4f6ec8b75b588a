// What every log of revocations must do; run over the one in memory and the one in Redis.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Revocation, RevocationOrder } from '../../../src/cluster/revocation.js';
import { ANY_EPOCH, LOG_BEGIN, type LogPosition, type RevocationLog } from '../../../src/cluster/revocation-log.js';

export interface LogHarness {
  readonly log: RevocationLog;
  /** Lets time pass for the log, without waiting. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

const LIFE_MS = 60_000;
export const logout = (name: string, lifeMs = LIFE_MS): RevocationOrder => ({ kind: 'logout', name, lifeMs });

export function revocationLogSuite(title: string, open: () => Promise<LogHarness>): void {
  describe(title, () => {
    let harness: LogHarness;
    let log: RevocationLog;
    beforeEach(async () => {
      harness = await open();
      log = harness.log;
    });
    afterEach(() => harness?.close());

    const all = async (from: LogPosition = LOG_BEGIN) => (await log.read(from, 1_000)).entries;
    const names = (entries: readonly Revocation[]) => entries.map(({ name }) => name);

    it('shows what was added, in its order, each in a revision of its own', async () => {
      const first = await log.add(logout('u1'));
      const second = await log.add({ kind: 'token', name: 'j"1/é', reason: 'why\n', lifeMs: LIFE_MS });
      expect(second.epoch).toBe(first.epoch);
      expect(second.revision).toBe(first.revision + 1);
      const page = await log.read(LOG_BEGIN, 1_000);
      expect(page.entries).toEqual([first.revocation, second.revocation]);
      expect(page.position).toEqual({ epoch: second.epoch, revision: second.revision });
      expect(page).toMatchObject({ more: false, count: 2 });
      expect(second.revocation).toMatchObject({ kind: 'token', name: 'j"1/é', reason: 'why\n', withdrawnAtMs: 0 });
      expect(await all(page.position)).toEqual([]);
    });

    it('dates a log-out with its own second, and everything with its own time', async () => {
      const { nowMs } = await log.read(LOG_BEGIN, 1);
      const { revocation } = await log.add(logout('u1'));
      expect(revocation.issuedBefore).toBe(Math.floor(revocation.createdAtMs / 1000));
      expect(revocation.createdAtMs - nowMs).toBeLessThan(5_000);
      expect(revocation.expiresAtMs).toBe(revocation.createdAtMs + LIFE_MS);
      const ban = await log.add({ kind: 'ban', name: 'u1', lifeMs: LIFE_MS });
      expect(ban.revocation.issuedBefore).toBe(0);
      const before = await log.add({ kind: 'before', name: '', issuedBefore: 1_700_000_000, lifeMs: LIFE_MS });
      expect(before.revocation.issuedBefore).toBe(1_700_000_000);
    });

    it('is read in pages, while it grows and entries are withdrawn', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 10; n++) ids.push((await log.add(logout(`u${n}`))).revocation.id);
      const seen: Revocation[] = [];
      let position: LogPosition = LOG_BEGIN;
      for (let page = 0, more = true; more; page++) {
        const answer = await log.read(position, 3);
        expect(answer.entries.length).toBeLessThanOrEqual(3);
        seen.push(...answer.entries);
        ({ position, more } = answer);
        if (page === 0) await log.withdraw(ids[0] ?? '');
        if (page === 1) await log.withdraw(ids[9] ?? '');
      }
      expect(names(seen)).toEqual(['u0', 'u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7', 'u8', 'u0', 'u9']);
      expect(seen.slice(-2).every(({ withdrawnAtMs }) => withdrawnAtMs > 0)).toBe(true);
    });

    it('finds by user and by token what is in force', async () => {
      const one = await log.add(logout('x'));
      const two = await log.add({ kind: 'ban', name: 'x', lifeMs: LIFE_MS });
      const three = await log.add({ kind: 'token', name: 'x', lifeMs: LIFE_MS });
      await log.add({ kind: 'disconnect', name: 'x', lifeMs: LIFE_MS });
      expect(await log.find('ux')).toEqual([one.revocation, two.revocation]);
      expect(await log.find('tx')).toEqual([three.revocation]);
      expect(await log.find('uy')).toEqual([]);
      await log.withdraw(one.revocation.id);
      expect(await log.find('ux')).toEqual([two.revocation]);
    });

    it('withdraws once, and shows that as a change', async () => {
      const { revocation, epoch, revision } = await log.add(logout('u1'));
      const gone = await log.withdraw(revocation.id);
      expect(gone).toEqual({ epoch, revision: revision + 1 });
      expect(await log.withdraw(revocation.id)).toBeUndefined();
      expect(await log.withdraw('nobody')).toBeUndefined();
      const [entry] = await all({ epoch, revision });
      expect(entry).toMatchObject({ id: revocation.id });
      expect(entry?.withdrawnAtMs).toBeGreaterThanOrEqual(revocation.createdAtMs);
    });

    it('forgets what has ended, tombstones with it', async () => {
      const short = await log.add(logout('u1', 1_000));
      const gone = await log.add(logout('u2', 1_000));
      await log.add(logout('u3', 500_000));
      await log.withdraw(gone.revocation.id);
      await harness.advance(1_100);
      expect(names(await all())).toEqual(['u3']);
      expect(await log.find('uu1')).toEqual([]);
      expect(await log.withdraw(short.revocation.id)).toBeUndefined();
      expect((await log.read(LOG_BEGIN, 10)).count).toBe(1);
    });

    it('takes back what it lost, and nothing else', async () => {
      const kept = await log.add(logout('kept'));
      const withdrawn = await log.add(logout('withdrawn'));
      await log.withdraw(withdrawn.revocation.id);
      const lost = { ...kept.revocation, id: 'lost', name: 'lost' };
      const over = { ...lost, id: 'over', expiresAtMs: kept.revocation.createdAtMs - 1 };
      const tombstone = { ...lost, id: 'tombstone', withdrawnAtMs: lost.createdAtMs };
      const { position } = await log.read(LOG_BEGIN, 10);
      await log.putBack([kept.revocation, withdrawn.revocation, lost, over, tombstone]);
      expect(await all(position)).toEqual([lost, tombstone]);
      const later = { ...kept.revocation, withdrawnAtMs: kept.revocation.createdAtMs + 1 };
      const { position: next } = await log.read(position, 10);
      await log.putBack([later, lost]);
      expect(await all(next)).toEqual([later]);
    });

    it('knows which members are behind, and waits for none that has left or is silent', async () => {
      const { position } = await log.read(LOG_BEGIN, 10, 'n1');
      await log.read(position, 10, 'n2');
      const added = await log.add(logout('u1'));
      expect([...(await log.behind(added))].sort()).toEqual(['n1', 'n2']);
      await log.read(added, 10, 'n1');
      expect(await log.behind(added)).toEqual(['n2']);
      expect(await log.behind({ ...added, epoch: 'another' })).toHaveLength(2);
      await log.leave('n2');
      expect(await log.behind(added)).toEqual([]);
      await log.read(position, 10, 'n3');
      expect(await log.behind(added)).toEqual(['n3']);
      for (let seconds = 0; seconds < 6; seconds++) {
        await harness.advance(1_000);
        await log.read(added, 10, 'n1');
      }
      expect(await log.behind(added)).toEqual([]);
    });

    it('waits for those who read before nobody could, and for no others, for ten seconds', async () => {
      const { position } = await log.read(LOG_BEGIN, 10, 'silent');
      const reading = async (seconds: number, member: string) => {
        for (let n = 0; n < seconds; n++) {
          await log.read(position, 10, member);
          await harness.advance(1_000);
        }
      };
      await reading(6, 'n1');
      await log.read(position, 10, 'n2');
      // No log, for a minute; then one of them is the first to read again, and soon nobody reads once more.
      await harness.advance(60_000);
      const added = await log.add(logout('u1'));
      expect([...(await log.behind(added))].sort()).toEqual(['n1', 'n2']);
      await log.read(added, 10, 'n1');
      expect(await log.behind(added)).toEqual(['n2']);
      await harness.advance(2_000);
      await log.read(added, 10, 'n1');
      expect(await log.behind(added)).toEqual(['n2']);
      for (let seconds = 0; seconds < 11; seconds++) {
        await harness.advance(1_000);
        await log.read(added, 10, 'n1');
      }
      expect(await log.behind(added)).toEqual([]);
    });

    it('begins anew for who comes from another epoch, and goes on for who does not care', async () => {
      const { revision, revocation } = await log.add(logout('u1'));
      expect((await log.read({ epoch: 'another', revision: revision + 7 }, 10)).entries).toEqual([revocation]);
      expect(await all({ epoch: ANY_EPOCH, revision })).toEqual([]);
      expect(await all({ epoch: ANY_EPOCH, revision: revision - 1 })).toEqual([revocation]);
    });

    it('keeps of one user no more than 64 log-outs that a newer one makes needless', async () => {
      for (let n = 0; n < 70; n++) await log.add(logout('u1', LIFE_MS + n));
      expect(await log.find('uu1')).toHaveLength(64);
    });
  });
}
