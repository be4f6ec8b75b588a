// A client that polls one channel, and what a node answers it.

import { afterEach, expect } from 'vitest';
import { type Listening, offset, type World } from './world.js';

/** An answer about the channel `news`: these messages, and the position behind them. */
export const news = (at: number, messages: readonly number[] = [], more: object = {}) => ({
  channels: { news: { offset: offset(at), messages: messages.map((n) => ({ offset: offset(n), data: n })), ...more } },
});

/** Subscribes to `news` and answers the first poll: it is at 1, and asks on. */
export async function polling(world: World): Promise<Listening> {
  const listening = world.subscribe('news');
  (await world.network.request('/v1/poll')).answer(200, news(1));
  await world.clock.advance(0);
  return listening;
}

/** What tests of polls do with the world that they are in; it is closed behind each, and leaves no timer. */
export function pollsIn(current: () => World) {
  afterEach(() => {
    current().client.close();
    expect(current().clock.pending).toBe(0);
  });
  return {
    settle: () => current().clock.advance(0),
    poll: () => current().network.request('/v1/poll'),
    none: () => expect(current().network.waiting('/v1/poll')).toEqual([]),
  };
}
