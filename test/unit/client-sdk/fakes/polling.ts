// A client that polls one channel, and what a node answers it.

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
