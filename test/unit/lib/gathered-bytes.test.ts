// Pieces of any size become one, in memory that is counted by their bytes.

import { describe, expect, it } from 'vitest';
import { GatheredBytes } from '../../../src/lib/gathered-bytes.js';

const digits = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => 48 + (at % 10)));

describe('gathered bytes', () => {
  it.each([1, 2, 7, 1_000, 20_000])('are what came, in its order, in pieces of %i', (size) => {
    const whole = digits(50_001);
    const gathered = new GatheredBytes();
    for (let at = 0; at < whole.length; at += size) gathered.add(whole.subarray(at, at + size));
    expect(gathered.length).toBe(whole.length);
    expect(gathered.take().equals(whole)).toBe(true);
  });

  it.each([1, 2, 7, 1_000, 20_000])('are held in twice their memory at most, in pieces of %i', (size) => {
    for (const pieces of [2, 3, 10, 100]) {
      const gathered = new GatheredBytes();
      for (let count = 0; count < pieces; count++) gathered.add(digits(size));
      const held = gathered.take().buffer.byteLength;
      expect(held).toBeLessThanOrEqual(Math.max(2 * size * pieces, 1_024));
    }
  });

  it('are no copy where they came in one piece that nobody else has', () => {
    const piece = Buffer.allocUnsafeSlow(5_000);
    const gathered = new GatheredBytes();
    gathered.adopt(piece);
    expect(gathered.take().buffer).toBe(piece.buffer);
  });

  it('are a copy of a piece that stands in more than itself, and of one that its owner overwrites', () => {
    const larger = Buffer.allocUnsafeSlow(70_000).fill('a');
    const gathered = new GatheredBytes();
    gathered.adopt(larger.subarray(10, 20));
    expect(gathered.take().buffer.byteLength).toBeLessThan(larger.length);
    gathered.add(larger);
    larger.fill('b');
    expect(gathered.take().toString()).toBe('a'.repeat(70_000));
  });

  it('do not change once they have been taken', () => {
    const gathered = new GatheredBytes();
    gathered.add(digits(3));
    gathered.add(digits(3));
    const first = gathered.take();
    gathered.add(Buffer.from('x'));
    gathered.add(Buffer.from('y'));
    expect(first.toString()).toBe('012012');
    expect(gathered.take().toString()).toBe('xy');
    expect(gathered.take().length).toBe(0);
  });
});
