// Coarse deadlines on one timer.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimingWheel } from '../../../src/lib/timing-wheel.js';

class Item {
  slot = -1;
  place = 0;
  dueAt: number | undefined;
  due(nowMs: number): void {
    this.dueAt = nowMs;
  }
}

describe('timing wheel', () => {
  let startMs = 0;
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
    startMs = performance.now();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('calls each item once, not before its deadline and within two ticks after it', () => {
    const wheel = new TimingWheel<Item>(25);
    const items = [0, 10, 24, 25, 26, 1_000].map((inMs) => ({ inMs, item: new Item() }));
    for (const { inMs, item } of items) wheel.add(item, startMs + inMs);
    vi.advanceTimersByTime(2_000);
    for (const { inMs, item } of items) {
      expect(item.dueAt).toBeGreaterThanOrEqual(startMs + inMs);
      expect(item.dueAt).toBeLessThanOrEqual(startMs + inMs + 50);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not call what was removed, and stops its timer when nothing is left', () => {
    const wheel = new TimingWheel<Item>(25);
    const item = new Item();
    wheel.add(item, startMs + 100);
    wheel.remove(item);
    wheel.remove(item);
    vi.advanceTimersByTime(1_000);
    expect(item.dueAt).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls what was due before it was added, also while others wait', () => {
    const wheel = new TimingWheel<Item>(25);
    const [later, late, alone] = [new Item(), new Item(), new Item()];
    wheel.add(later, startMs + 10_000);
    vi.advanceTimersByTime(1_000);
    wheel.add(late, startMs);
    vi.advanceTimersByTime(50);
    expect(late.dueAt).toBeDefined();
    wheel.close();
    wheel.add(alone, startMs);
    vi.advanceTimersByTime(50);
    expect(alone.dueAt).toBeDefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls again what is added while it calls, and never what another one removes then', () => {
    const wheel = new TimingWheel<Item>(25);
    const others = Array.from({ length: 5 }, () => new Item());
    const again = new Item();
    let times = 0;
    again.due = () => {
      times++;
      if (times === 1) for (const other of others.slice(0, 3)) wheel.remove(other);
      if (times < 3) wheel.add(again, startMs);
    };
    for (const item of [again, ...others]) wheel.add(item, startMs + 100);
    vi.advanceTimersByTime(500);
    expect(times).toBe(3);
    expect(others.map(({ dueAt }) => dueAt !== undefined)).toEqual([false, false, false, true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('loses none of those that share a slot, whichever of them are removed or given another deadline', () => {
    const wheel = new TimingWheel<Item>(25);
    const items = Array.from({ length: 50 }, () => new Item());
    for (const item of items) wheel.add(item, startMs + 100);
    const moved = items.filter((_, index) => index % 3 === 0);
    const removed = items.filter((_, index) => index % 3 === 1);
    for (const item of moved) wheel.add(item, startMs + 300);
    for (const item of removed) wheel.remove(item);
    vi.advanceTimersByTime(200);
    for (const item of items) expect(item.dueAt !== undefined).toBe(!moved.includes(item) && !removed.includes(item));
    vi.advanceTimersByTime(200);
    for (const item of items) expect(item.dueAt !== undefined).toBe(!removed.includes(item));
  });

  it('knows those whose time has not come, and their number', () => {
    const wheel = new TimingWheel<Item>(25);
    const items = Array.from({ length: 6 }, () => new Item());
    for (const [index, item] of items.entries()) wheel.add(item, startMs + 100 * (index % 3));
    const [first, second, third] = items;
    const known = () => [wheel.size, new Set(wheel).size, [...wheel].every((item) => items.includes(item))];
    expect(known()).toEqual([6, 6, true]);
    if (first !== undefined) wheel.add(first, startMs + 1_000);
    if (second !== undefined) wheel.remove(second);
    if (second !== undefined) wheel.remove(second);
    expect(known()).toEqual([5, 5, true]);
    const others = items.slice(3);
    if (third !== undefined) third.due = () => others.forEach((item) => void wheel.remove(item));
    vi.advanceTimersByTime(500);
    expect(known()).toEqual([1, 1, true]);
    wheel.close();
    expect(known()).toEqual([0, 0, true]);
  });

  it('may be closed with all that it has, and begun again', () => {
    const wheel = new TimingWheel<Item>(25);
    const [before, other] = [new Item(), new Item()];
    wheel.add(before, startMs + 100);
    wheel.close();
    wheel.add(other, startMs + 100);
    wheel.remove(before);
    vi.advanceTimersByTime(200);
    expect([before.dueAt, other.dueAt !== undefined]).toEqual([undefined, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('goes on evenly when the system sets its clock', () => {
    const wheel = new TimingWheel<Item>(25);
    const item = new Item();
    wheel.add(item, startMs + 500);
    vi.setSystemTime(9_000_000);
    vi.advanceTimersByTime(450);
    vi.setSystemTime(1_000);
    vi.advanceTimersByTime(25);
    expect(item.dueAt).toBeUndefined();
    vi.advanceTimersByTime(75);
    expect(item.dueAt).toBeGreaterThanOrEqual(startMs + 500);
    expect(vi.getTimerCount()).toBe(0);
  });
});
