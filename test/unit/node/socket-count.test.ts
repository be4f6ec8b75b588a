// How many descriptors sockets hold where nobody tells when they are given back.

import { expect, it } from 'vitest';
import { SocketCount } from '../../../src/node/engines/uws/socket-count.js';

/** `descriptors` is what the system says; `undefined`: nothing. */
function counted(max: number) {
  const world: { nowMs: number; descriptors: number | undefined } = { nowMs: 0, descriptors: undefined };
  const count = new SocketCount(max, { clock: () => world.nowMs, descriptors: () => world.descriptors });
  return Object.assign(world, { count });
}

it('counts a WebSocket that has ended until it has waited for its peer, and one that was cut no more', () => {
  const world = counted(10);
  world.count.came();
  world.count.came();
  world.count.ended();
  world.count.gone();
  expect(world.count.held).toBe(1);
  world.nowMs += 16_500;
  expect(world.count.held).toBe(1);
  world.nowMs += 34_000;
  expect(world.count.held).toBe(0);
});

it('has no room for one more while those that have ended hold their places', () => {
  const world = counted(2);
  world.count.came();
  world.count.ended();
  world.count.came();
  world.count.ended();
  expect(world.count.came()).toBe(false);
});

it('asks the system before it refuses, at most once a second', () => {
  const world = { nowMs: 0, descriptors: 20 };
  const count = new SocketCount(4, { clock: () => world.nowMs, descriptors: () => world.descriptors });
  for (let n = 0; n < 4; n++) {
    count.came();
    count.ended();
  }
  // All four have gone already, and the fifth is there.
  world.descriptors = 21;
  expect(count.came()).toBe(true);
  expect(count.held).toBe(1);
  for (let n = 0; n < 3; n++) {
    count.came();
    count.ended();
  }
  world.descriptors = 22;
  expect(count.came()).toBe(false);
  count.gone();
  world.nowMs += 1_000;
  expect(count.came()).toBe(true);
});

it('runs short from three quarters on, and lets a sixteenth wait', () => {
  const world = counted(32);
  for (let n = 0; n < 24; n++) world.count.came();
  expect(world.count.isShort).toBe(false);
  world.count.came();
  expect(world.count.isShort).toBe(true);
  expect(world.count.mayLinger).toBe(true);
  world.count.ended();
  world.count.ended();
  expect(world.count.mayLinger).toBe(false);
});
