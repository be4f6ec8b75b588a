// What a process knows of revocations, against a model that replays the log: withdrawn, lost, expired, rebuilt; and what it costs.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryRevocations, newRevocation } from '../../../src/cluster/memory-revocations.js';
import {
  REVOCATION_KINDS,
  type Revocation,
  type RevocationOrder,
  revokes,
  type TokenHolder,
} from '../../../src/cluster/revocation.js';
import type { Ending } from '../../../src/cluster/revocation-ending.js';
import type { RevocationLog } from '../../../src/cluster/revocation-log.js';
import { Revocations } from '../../../src/cluster/revocations.js';
import { FanfareError } from '../../../src/lib/errors.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Random } from '../../support/random.js';
import { logout } from './revocation-log-suite.js';

const START_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

/** A log that can be away, and can be replaced by one that lacks some of it, as after a failover. */
class TestLog implements RevocationLog {
  inner: RevocationLog;
  isAway = false;
  finds = 0;
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
    this.inner = createMemoryRevocations(clock);
  }

  async failOver(keeps: (entry: Revocation) => Revocation | undefined): Promise<void> {
    const { entries } = await this.inner.read({ epoch: '', revision: 0 }, 100_000);
    this.inner = createMemoryRevocations(this.#clock);
    await this.inner.putBack(entries.flatMap((entry) => keeps(entry) ?? []));
  }

  #reached(): RevocationLog {
    if (this.isAway) throw new FanfareError('broker_unavailable', 'away');
    return this.inner;
  }
  async read(...args: Parameters<RevocationLog['read']>) {
    return this.#reached().read(...args);
  }
  async add(order: RevocationOrder) {
    return this.#reached().add(order);
  }
  async putBack(entries: readonly Revocation[]) {
    return this.#reached().putBack(entries);
  }
  async withdraw(id: string) {
    return this.#reached().withdraw(id);
  }
  async find(...args: Parameters<RevocationLog['find']>) {
    this.finds++;
    return this.#reached().find(...args);
  }
  async behind(...args: Parameters<RevocationLog['behind']>) {
    return this.#reached().behind(...args);
  }
  async leave(member: string) {
    return this.#reached().leave(member);
  }
}

const holder = (user: string, issuedAtMs = 0, tokenId?: string): TokenHolder => ({ user, tokenId, issuedAtMs });

async function verdict(one: Revocations, who: TokenHolder): Promise<string> {
  try {
    await one.check(who);
    return 'good';
  } catch (error) {
    return error instanceof FanfareError ? error.code : String(error);
  }
}

describe('what a process knows of revocations', () => {
  let log: TestLog;
  const opened: Revocations[] = [];
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: START_MS });
    log = new TestLog(() => performance.timeOrigin + performance.now());
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    vi.useRealTimers();
  });

  async function open(falsePositives = 0.001): Promise<Revocations> {
    // It reads when it is told to.
    const one = new Revocations({ log, member: 'n1', falsePositives, logger: silentLogger, readEveryMs: 1e8 });
    opened.push(one);
    await one.start();
    return one;
  }

  it('asks the log for nobody whom the filter does not know, and once for whom it knows', async () => {
    await log.add(logout('u1', 2 * HOUR_MS));
    vi.advanceTimersByTime(HOUR_MS);
    const one = await open();
    for (let n = 0; n < 5_000; n++) expect(one.check(holder(`other-${n}`, 0, `t-${n}`))).toBeUndefined();
    expect(log.finds).toBe(0);
    for (let n = 0; n < 10; n++) expect(await verdict(one, holder('u1'))).toBe('revoked');
    expect(await verdict(one, holder('u1', Date.now()))).toBe('good');
    expect(log.finds).toBe(1);
  });

  it('is asked once for all who come at the same time', async () => {
    await log.add(logout('u1', 2 * HOUR_MS));
    vi.advanceTimersByTime(HOUR_MS);
    const one = await open();
    const verdicts = await Promise.all(Array.from({ length: 100 }, () => verdict(one, holder('u1'))));
    expect(new Set(verdicts)).toEqual(new Set(['revoked']));
    expect(log.finds).toBe(1);
  });

  it('whom the filter takes for others costs one look, and is let in', async () => {
    for (let n = 0; n < 2_000; n++) await log.add(logout(`gone-${n}`, 2 * HOUR_MS));
    vi.advanceTimersByTime(HOUR_MS);
    const one = await open(0.2);
    const verdicts = await Promise.all(Array.from({ length: 2_000 }, (_, n) => verdict(one, holder(`other-${n}`))));
    expect(new Set(verdicts)).toEqual(new Set(['good']));
    const before = log.finds;
    expect(before).toBeGreaterThan(20);
    expect(before).toBeLessThan(500);
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => verdict(one, holder(`other-${n}`))));
    expect(log.finds).toBe(before);
  });

  it('knows what was in the log when it was asked to read, however far an earlier reading had come', async () => {
    const one = await open();
    for (let ticks = 0; ticks < 60; ticks++) {
      const earlier = one.readNow();
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      void log.inner.add(logout(`u${ticks}`, 2 * HOUR_MS));
      await one.readNow();
      expect([ticks, await verdict(one, holder(`u${ticks}`))]).toEqual([ticks, 'revoked']);
      await earlier;
    }
  });

  it('refuses who may be revoked while the log is away, lets in who is not, and knows whom it knew', async () => {
    await log.add(logout('u1', 2 * HOUR_MS));
    await log.add(logout('u2', 2 * HOUR_MS));
    vi.advanceTimersByTime(HOUR_MS);
    const one = await open();
    expect(await verdict(one, holder('u2', Date.now()))).toBe('good');
    log.isAway = true;
    await one.readNow();
    expect(await verdict(one, holder('u1', Date.now()))).toBe('broker_unavailable');
    expect(await verdict(one, holder('u2', Date.now()))).toBe('good');
    expect(await verdict(one, holder('u3'))).toBe('good');
    expect(one.status().ok).toBe(true);
    vi.advanceTimersByTime(5_100);
    expect(one.status().ok).toBe(false);
    log.isAway = false;
    await one.readNow();
    expect(one.status().ok).toBe(true);
    expect(await verdict(one, holder('u1', Date.now()))).toBe('good');
  });

  it('lets nobody in before it has read the log, unless that says so', async () => {
    log.isAway = true;
    const one = await open();
    expect(await verdict(one, holder('u1'))).toBe('broker_unavailable');
    expect(one.status().ok).toBe(false);
    expect(await verdict(one, { user: null, tokenId: undefined, issuedAtMs: 0 })).toBe('good');
  });

  it('ends links for each revocation once, before others are told that it is in force', async () => {
    const one = await open();
    const ended: (string | undefined)[] = [];
    let behind: readonly string[] = [];
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    one.onEnding(async (ending: Ending) => {
      ended.push(ending.of(holder('u1')), ending.of(holder('u2')));
      await promise;
      behind = await log.behind(added);
    });
    const added = await log.add(logout('u1'));
    const reading = one.readNow();
    resolve();
    await reading;
    expect(ended).toEqual(['revoked', undefined]);
    expect(behind).toEqual(['n1']);
    expect(await log.behind(added)).toEqual([]);
    await one.readNow();
    await log.failOver((entry) => entry);
    await one.readNow();
    expect(ended).toHaveLength(2);
    await log.add({ kind: 'disconnect', name: 'u2', lifeMs: 60_000 });
    await one.readNow();
    expect(ended.slice(2)).toEqual([undefined, 'disconnected']);
    expect(await verdict(one, holder('u2'))).toBe('good');
  });

  it('builds its filter anew when it is full, and no revocation is forgotten meanwhile', async () => {
    const one = await open();
    let checked = 0;
    for (let n = 0; n < 5_000; n++) {
      await log.add({ kind: 'ban', name: `u${n}`, lifeMs: 24 * HOUR_MS });
      if (n % 250 === 249) {
        await one.readNow();
        vi.advanceTimersByTime(HOUR_MS / 2);
        for (let m = n % 7; m <= n; m += 7, checked++) expect(await verdict(one, holder(`u${m}`))).toBe('revoked');
      }
    }
    expect(checked).toBeGreaterThan(5_000);
    const built = one.stats().revocationFiltersBuilt ?? 0;
    expect(built).toBeGreaterThan(1);
    expect(one.stats().revokedNames).toBeGreaterThan(4_900);
    // Half of them have ended by now, and a filter that is far too wide is built anew, too.
    vi.advanceTimersByTime(24 * HOUR_MS);
    await one.readNow();
    await expect.poll(() => one.stats().revokedNames).toBe(0);
    expect(await verdict(one, holder('u1'))).toBe('good');
  });

  it('says at every moment what a replay of the log says, in 60 random lives with failovers and rebuilt filters', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new Random(seed);
      const now = () => Math.floor(performance.timeOrigin + performance.now());
      log = new TestLog(now);
      const one = await open(0.3);
      /** All that was ever acknowledged, as the model has it. */
      const happened = new Map<string, Revocation>();
      for (let step = 0; step < 40; step++) {
        vi.advanceTimersByTime(random.below(30_000));
        const dice = random.next();
        if (dice < 0.6) {
          const kind = random.pick(REVOCATION_KINDS);
          const name = kind === 'before' ? '' : `x${random.below(4)}`;
          const issuedBefore = Math.floor(now() / 1000) - random.below(60);
          const order = {
            kind,
            name,
            lifeMs: 1 + random.below(10 * 60_000),
            ...(kind === 'before' && { issuedBefore }),
          };
          const { revocation } = await log.add(order);
          expect(revocation).toEqual(newRevocation(order, revocation.id, revocation.createdAtMs));
          happened.set(revocation.id, revocation);
        } else if (dice < 0.75 && happened.size > 0) {
          const { id, kind, expiresAtMs } = random.pick([...happened.values()]);
          // What ends links and nothing else is not written back.
          if (kind === 'disconnect') continue;
          const gone = await log.withdraw(id);
          const known = happened.get(id);
          if (gone !== undefined && known !== undefined) happened.set(id, { ...known, withdrawnAtMs: now() });
          else expect(expiresAtMs <= now() || (known?.withdrawnAtMs ?? 0) > 0).toBe(true);
        } else if (dice < 0.9) {
          await one.readNow();
          // What it has read and what is not older than ten minutes cannot be lost.
          await log.failOver((entry) => {
            if (random.chance(0.5)) return entry;
            return entry.withdrawnAtMs > 0 && random.chance(0.5) ? { ...entry, withdrawnAtMs: 0 } : undefined;
          });
        }
        await one.readNow();
        for (let n = 0; n < 6; n++) {
          const who = holder(
            `x${random.below(4)}`,
            now() - random.below(120_000),
            random.pick(['x1', 'x2', undefined]),
          );
          const isIn = [...happened.values()].some((entry) => entry.expiresAtMs > now() && revokes(entry, who));
          const said = await verdict(one, who);
          if (said !== (isIn ? 'revoked' : 'good'))
            expect.fail(`seed ${seed} step ${step}: ${said} of ${JSON.stringify(who)}`);
        }
      }
      await one.close();
    }
  }, 30_000);
});
