// Coarse deadlines on one timer.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimingWheel } from '../../../src/lib/timing-wheel.js';

class Item {
  dueAt: number | undefined;
  due(nowMs: number): void {
    this.dueAt = nowMs;
  }
}

describe('timing wheel', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('calls each item once, not before its deadline and within two ticks after it', () => {
    const wheel = new TimingWheel<Item>(25);
    const items = [0, 10, 24, 25, 26, 1_000].map((inMs) => ({ inMs, item: new Item() }));
    for (const { inMs, item } of items) wheel.add(item, 1_000_000 + inMs);
    vi.advanceTimersByTime(2_000);
    for (const { inMs, item } of items) {
      expect(item.dueAt).toBeGreaterThanOrEqual(1_000_000 + inMs);
      expect(item.dueAt).toBeLessThanOrEqual(1_000_000 + inMs + 50);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not call what was removed, and stops its timer when nothing is left', () => {
    const wheel = new TimingWheel<Item>(25);
    const item = new Item();
    wheel.remove(item, wheel.add(item, 1_000_100));
    vi.advanceTimersByTime(1_000);
    expect(item.dueAt).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('catches up after the clock has jumped', () => {
    const wheel = new TimingWheel<Item>(25);
    const item = new Item();
    wheel.add(item, 1_000_500);
    vi.setSystemTime(9_000_000);
    vi.advanceTimersByTime(25);
    expect(item.dueAt).toBeGreaterThan(9_000_000 - 1);
    wheel.close();
  });
});
