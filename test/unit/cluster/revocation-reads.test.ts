// When a process reads the log of revocations.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createMemoryRevocations } from '../../../src/cluster/memory-revocations.js';
import type { TokenHolder } from '../../../src/cluster/revocation.js';
import type { RevocationLog } from '../../../src/cluster/revocation-log.js';
import { Revocations } from '../../../src/cluster/revocations.js';
import { silentLogger } from '../../../src/lib/logger.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A log of which each reading waits to be let go while it is held. */
function heldLog() {
  const inner = createMemoryRevocations();
  const held = { isHeld: false, begun: 0, letGo: () => {} };
  const read = async (...args: Parameters<RevocationLog['read']>) => {
    held.begun++;
    if (held.isHeld) await new Promise<void>((resolve) => (held.letGo = resolve));
    return inner.read(...args);
  };
  const log = new Proxy<RevocationLog>(inner, {
    get(_, name) {
      const own = Reflect.get(inner, name);
      return name === 'read' ? read : typeof own === 'function' ? own.bind(inner) : own;
    },
  });
  return { held, log };
}

it('is four times a second, and never before the last reading has ended', async () => {
  const { held, log } = heldLog();
  const revocations = new Revocations({ log, member: 'n1', falsePositives: 0.001, logger: silentLogger });
  await revocations.start();
  expect(held.begun).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(held.begun).toBe(5);
  held.isHeld = true;
  await vi.advanceTimersByTimeAsync(1_100);
  expect(held.begun).toBe(6);
  held.isHeld = false;
  held.letGo();
  await vi.advanceTimersByTimeAsync(100);
  expect(held.begun).toBe(6);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(held.begun).toBe(10);
  await revocations.close();
  expect(vi.getTimerCount()).toBe(0);
});

it('is no more where the process left while it read for the first time', async () => {
  const { held, log } = heldLog();
  held.isHeld = true;
  const revocations = new Revocations({ log, member: 'n1', falsePositives: 0.001, logger: silentLogger });
  const started = revocations.start();
  const closed = revocations.close();
  held.letGo();
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all([started, closed]);
  expect([held.begun, vi.getTimerCount()]).toEqual([1, 0]);
});

it('that is the first lets nobody in before it has ended whom a revocation of all may mean', async () => {
  const { held, log } = heldLog();
  const issuedBefore = Math.floor(Date.now() / 1_000);
  await log.add({ kind: 'before', name: '', issuedBefore, lifeMs: 60_000 });
  held.isHeld = true;
  const revocations = new Revocations({ log, member: 'n1', falsePositives: 0.001, logger: silentLogger });
  const started = revocations.start();
  const check = async (holder: { user: string | null }) =>
    revocations.check({ issuedAtMs: Date.now() - 10_000, ...holder } as TokenHolder);
  await expect(check({ user: 'anna' })).rejects.toMatchObject({ code: 'broker_unavailable' });
  await check({ user: null });
  held.isHeld = false;
  held.letGo();
  await vi.advanceTimersByTimeAsync(1_000);
  await started;
  await expect(check({ user: 'anna' })).rejects.toMatchObject({ code: 'revoked' });
  await revocations.close();
});
