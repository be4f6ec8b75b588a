// The exact list against a model that looks at all that ever happened, one by one.

import { describe, expect, it } from 'vitest';
import {
  decodeRevocation,
  encodeRevocation,
  REVOCATION_KINDS,
  type Revocation,
  type TokenHolder,
} from '../../../src/cluster/revocation.js';
import { RevocationList } from '../../../src/cluster/revocation-list.js';
import { Random } from '../../support/random.js';

const START_MS = 1_800_000_000_000;
const USERS = ['u1', 'u2', 'u3'];
const TOKENS = ['t1', 't2', undefined];

function randomRevocation(random: Random, id: string, nowMs: number): Revocation {
  const kind = random.pick(REVOCATION_KINDS);
  const name = kind === 'token' ? (random.pick(TOKENS) ?? 't3') : kind === 'before' ? '' : random.pick(USERS);
  const hasSecond = kind === 'logout' || kind === 'before';
  return {
    id,
    kind,
    name,
    issuedBefore: hasSecond ? Math.floor(nowMs / 1000) - random.below(3) : 0,
    reason: '',
    createdAtMs: nowMs,
    expiresAtMs: nowMs + random.below(20_000),
    withdrawnAtMs: 0,
  };
}

/** What the words of the protocol say, with nothing remembered but the list of what happened. */
function isRevoked(happened: readonly Revocation[], holder: TokenHolder, nowMs: number): boolean {
  const withdrawn = new Set(happened.filter((one) => one.withdrawnAtMs > 0).map(({ id }) => id));
  return happened.some((one) => {
    if (withdrawn.has(one.id) || one.expiresAtMs <= nowMs || holder.user === null) return false;
    const isEarlier = holder.issuedAtMs / 1000 < one.issuedBefore;
    if (one.kind === 'token') return one.name === holder.tokenId;
    if (one.kind === 'ban') return one.name === holder.user;
    if (one.kind === 'logout') return one.name === holder.user && isEarlier;
    return one.kind === 'before' && isEarlier;
  });
}

function holders(nowMs: number): readonly TokenHolder[] {
  const second = Math.floor(nowMs / 1000) * 1000;
  const times = [0, second - 2_000, second - 1, second, nowMs];
  const named = USERS.flatMap((user) =>
    TOKENS.flatMap((tokenId) => times.map((issuedAtMs) => ({ user, tokenId, issuedAtMs }))),
  );
  return [...named, { user: null, tokenId: undefined, issuedAtMs: 0 }];
}

describe('the list of revocations', () => {
  it('says of each holder what a look at all that happened says, in 200 random lives', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = new Random(seed);
      const list = new RevocationList();
      const happened: Revocation[] = [];
      let nowMs = START_MS;
      for (let step = 0; step < 30; step++) {
        nowMs += random.below(2_000);
        const old = happened.length > 0 && random.chance(0.3) ? random.pick(happened) : undefined;
        const change = old ? { ...old, withdrawnAtMs: nowMs } : randomRevocation(random, `r${step}`, nowMs);
        happened.push(change);
        list.merge(change);
        if (random.chance(0.2)) list.merge(random.pick(happened));
        if (random.chance(0.2)) list.forget(({ expiresAtMs }) => expiresAtMs <= nowMs);
        for (const holder of holders(nowMs)) {
          const wanted = isRevoked(happened, holder, nowMs);
          if (list.revokes(holder, nowMs) !== wanted)
            expect.fail(`seed ${seed} step ${step}: ${JSON.stringify(holder)}`);
        }
      }
    }
  });

  it('is the same in whatever order it hears of a revocation and of its withdrawal', () => {
    const one = randomRevocation(new Random(1), 'r1', START_MS);
    const gone = { ...one, withdrawnAtMs: START_MS + 1 };
    for (const order of [
      [one, gone],
      [gone, one],
      [gone, one, gone],
    ]) {
      const list = new RevocationList();
      for (const each of order) list.merge(each);
      expect([...list.all()]).toEqual([gone]);
    }
  });

  it('lets a user in again in the second of the log-out, and nobody whose token tells no time', () => {
    const list = new RevocationList();
    list.merge({
      ...randomRevocation(new Random(1), 'r1', START_MS),
      kind: 'logout',
      name: 'u1',
      issuedBefore: 100,
      expiresAtMs: START_MS + 1,
    });
    const verdict = (issuedAtMs: number) => list.revokes({ user: 'u1', tokenId: undefined, issuedAtMs }, START_MS);
    expect([0, 99_000, 99_999, 100_000, 100_001].map(verdict)).toEqual([true, true, true, false, false]);
  });

  it('keeps of one name no more than 64 that a newer one makes needless', () => {
    const list = new RevocationList();
    const base = randomRevocation(new Random(1), '', START_MS);
    for (let n = 0; n < 1_000; n++) {
      list.merge({ ...base, id: `r${n}`, kind: 'logout', name: 'u1', issuedBefore: n, expiresAtMs: START_MS + n });
    }
    expect(list.size).toBe(64);
    const holder = { user: 'u1', tokenId: undefined, issuedAtMs: 998_000 };
    expect(list.revokes(holder, START_MS)).toBe(true);
  });

  it('is written down and read again, and what is none is not read', () => {
    const random = new Random(3);
    for (let n = 0; n < 100; n++) {
      const one = { ...randomRevocation(random, `r${n}`, START_MS), reason: 'café "x"\n', name: 'ü/😀' };
      expect(decodeRevocation(encodeRevocation(one))).toEqual(one);
    }
    const good = JSON.parse(encodeRevocation(randomRevocation(random, 'r', START_MS)));
    for (const bad of ['', 'null', '[]', '{', 'x'.repeat(5_000)]) expect(decodeRevocation(bad)).toBeUndefined();
    for (const field of Object.keys(good)) {
      expect(decodeRevocation(JSON.stringify({ ...good, [field]: {} })), field).toBeUndefined();
      expect(decodeRevocation(JSON.stringify({ ...good, [field]: -1 })), field).toBeUndefined();
    }
  });
});
