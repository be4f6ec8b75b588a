// How soon what is wanted is told to a node: at once while that is seldom, gathered while it is not, and at once again after a rest.

import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FakeSocket } from './fakes/fake-network.js';
import { subscribeToNews } from './fakes/socket-server.js';
import { World } from './fakes/world.js';

let world: World;
let socket: FakeSocket;
beforeEach(async () => {
  world = new World();
  ({ socket } = await subscribeToNews(world));
});
afterEach(() => world.end());

let serial = 0;
/** Changes what is wanted, in so many turns; returns how many commands that came to. */
async function change(turns: number): Promise<number> {
  for (let n = 0; n < turns; n++) {
    world.subscribe(`c${++serial}`);
    await world.clock.advance(0);
  }
  return socket.commands.takeAll().filter(({ type }) => type === 'subscribe').length;
}

/** Time in which the link goes on. */
async function rest(ms: number) {
  socket.send({ type: 'heartbeat' });
  await world.clock.advance(ms);
}

it('after a rest, however long, ten changes go out at once, and what follows waits', async () => {
  for (const ms of [2_000, 20_000]) {
    await rest(ms);
    expect(await change(13)).toBe(10);
    const { delays } = world.clock;
    expect(delays[0]).toBe(200);
    await rest(199);
    expect(socket.commands.takeAll()).toEqual([]);
    await rest(1);
    const [command, ...more] = socket.commands.takeAll();
    expect([Object.keys(command?.channels as object).length, more]).toEqual([3, []]);
  }
});

it('each fifth of a second gives one back', async () => {
  await rest(10_000);
  expect(await change(10)).toBe(10);
  await rest(399);
  expect(await change(3)).toBe(1);
  await rest(1);
  socket.commands.takeAll();
  await rest(599);
  expect(await change(4)).toBeLessThanOrEqual(3);
});

it('a change that is taken back in the turn in which it was made is no command', async () => {
  await rest(10_000);
  world.subscribe('more').subscription.unsubscribe();
  await world.clock.advance(1_000);
  expect(socket.commands.takeAll()).toEqual([]);
});
