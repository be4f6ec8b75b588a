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

  it('calls what was due before it was added, also while others wait', () => {
    const wheel = new TimingWheel<Item>(25);
    const [later, late, alone] = [new Item(), new Item(), new Item()];
    wheel.add(later, 1_010_000);
    vi.advanceTimersByTime(1_000);
    wheel.add(late, 1_000_000);
    vi.advanceTimersByTime(50);
    expect(late.dueAt).toBeDefined();
    wheel.close();
    wheel.add(alone, 1_000_000);
    vi.advanceTimersByTime(50);
    expect(alone.dueAt).toBeDefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls all that waits once the clock was set back, and goes on by the new one', () => {
    const wheel = new TimingWheel<Item>(25);
    const [before, after] = [new Item(), new Item()];
    wheel.add(before, 1_010_000);
    vi.advanceTimersByTime(1_000);
    vi.setSystemTime(500_000);
    vi.advanceTimersByTime(25);
    expect(before.dueAt).toBe(500_025);
    wheel.add(after, 500_500);
    vi.advanceTimersByTime(1_000);
    expect(after.dueAt).toBeGreaterThanOrEqual(500_500);
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
