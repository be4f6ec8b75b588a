// What a node says on a stream.

import type { FakeRequest } from './fake-network.js';
import { offset, type World } from './world.js';

/** Takes the next stream of a client that wants `news`, and begins it at offset 1. */
export async function acceptStream(world: World): Promise<FakeRequest> {
  const stream = await world.network.request('/v1/stream');
  stream.stream();
  stream.event({ type: 'subscribed', channel: 'news', offset: offset(1), recovered: true });
  await world.clock.advance(0);
  return stream;
}
