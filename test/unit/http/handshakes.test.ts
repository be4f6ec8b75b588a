// How many sockets of an address may have shown nothing, by a clock of its own.

import { expect, it } from 'vitest';
import { Handshakes } from '../../../src/http/handshakes.js';

function handshakes(max: number, shared: readonly string[] = []) {
  const world = { nowMs: 5_000, refused: [] as string[] };
  const bound = {
    max,
    isShared: (address: string) => shared.includes(address),
    refused: (address: string) => void world.refused.push(address),
  };
  return Object.assign(world, { of: new Handshakes(bound, () => world.nowMs) });
}

it('refuses what an address begins beyond its bound, and nothing of another', () => {
  const world = handshakes(2);
  expect([1, 2, 3].map(() => world.of.begin('192.0.2.1') !== undefined)).toEqual([true, true, false]);
  expect(world.of.begin('192.0.2.2')).toBeDefined();
  expect(world.refused).toEqual(['192.0.2.1']);
});

it('takes all addresses of an IPv6 network of 64 bits for one', () => {
  const world = handshakes(2);
  expect(world.of.begin('2001:db8:1:2::1')).toBeDefined();
  expect(world.of.begin('2001:db8:1:2:ffff::9')).toBeDefined();
  expect(world.of.begin('2001:db8:1:2:3:4:5:6')).toBeUndefined();
  expect(world.of.begin('2001:db8:1:3::1')).toBeDefined();
});

it('has room again once one has ended, whichever it was', () => {
  const world = handshakes(2);
  const first = world.of.begin('192.0.2.1');
  world.of.begin('192.0.2.1');
  world.of.end('192.0.2.1', first);
  expect(world.of.begin('192.0.2.1')).toBeDefined();
  world.of.end('192.0.2.1');
  expect(world.of.begin('192.0.2.1')).toBeDefined();
  expect(world.of.begin('192.0.2.1')).toBeUndefined();
});

it('forgets after 12 s what an engine does not know the end of, and not before', () => {
  const world = handshakes(1);
  const begun = world.of.begin('192.0.2.1');
  world.nowMs += 11_000;
  expect(world.of.begin('192.0.2.1')).toBeUndefined();
  world.nowMs += 1_000;
  expect(world.of.begin('192.0.2.1')).toBeDefined();
  // The end of the one that was forgotten does not end the new one.
  world.of.end('192.0.2.1', begun);
  expect(world.of.begin('192.0.2.1')).toBeUndefined();
  world.nowMs += 3_600_000;
  expect(world.of.begin('192.0.2.1')).toBeDefined();
});

it('begins anew with an upgrade', () => {
  const world = handshakes(1);
  const begun = world.of.begin('192.0.2.1');
  world.nowMs += 8_000;
  expect(world.of.renew('192.0.2.1', begun)).toBeDefined();
  world.nowMs += 8_000;
  expect(world.of.begin('192.0.2.1')).toBeUndefined();
});

it('begins anew with an upgrade which one it is, where an address has others', () => {
  const world = handshakes(2);
  world.of.begin('192.0.2.1');
  world.nowMs += 6_000;
  world.of.begin('192.0.2.1');
  // Not known which: the oldest. Both count from now on.
  expect(world.of.renew('192.0.2.1')).toBeDefined();
  expect(world.of.renew('192.0.2.1')).toBeDefined();
  world.nowMs += 11_000;
  expect(world.of.begin('192.0.2.1')).toBeUndefined();
  world.nowMs += 1_000;
  expect([1, 2, 3].map(() => world.of.begin('192.0.2.1') !== undefined)).toEqual([true, true, false]);
});

it('counts one anew whose 12 s are over before its upgrade, beside others of this second', () => {
  const world = handshakes(2);
  const begun = world.of.begin('192.0.2.1');
  world.nowMs += 13_000;
  world.of.begin('192.0.2.1');
  expect(world.of.renew('192.0.2.1', begun)).toBeDefined();
  expect(world.of.begin('192.0.2.1')).toBeUndefined();
});

it('calls an address crowded from half of its bound on', () => {
  const world = handshakes(4);
  world.of.begin('192.0.2.1');
  expect([world.of.hasCrowd, world.of.isCrowded('192.0.2.1')]).toEqual([false, false]);
  world.of.begin('192.0.2.1');
  expect([world.of.hasCrowd, world.of.isCrowded('192.0.2.1')]).toEqual([true, true]);
  expect(world.of.isCrowded('192.0.2.2')).toBe(false);
  world.of.end('192.0.2.1');
  expect(world.of.hasCrowd).toBe(false);
});

it('bounds neither a trusted proxy, nor anybody where the bound is 0', () => {
  const world = handshakes(1, ['192.0.2.1']);
  for (let n = 0; n < 5; n++) expect(world.of.begin('192.0.2.1')).toBeDefined();
  expect(world.of.isCrowded('192.0.2.1')).toBe(false);
  const off = handshakes(0);
  for (let n = 0; n < 5; n++) expect(off.of.begin('192.0.2.1')).toBeDefined();
  expect([...world.refused, ...off.refused]).toEqual([]);
});
