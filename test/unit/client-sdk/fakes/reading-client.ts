// The client that only reads, in a network whose other end is the test.

import { afterEach } from 'vitest';
import { createClient, type SseClient } from '../../../../client-sdk/sse.js';
import { FakeClock } from './fake-clock.js';
import { FakeNetwork, type FakeRequest } from './fake-network.js';
import { expectNothingLeft } from './nothing-left.js';
import { assignment } from './world.js';

export let client: SseClient;
export let clock: FakeClock;
export let network: FakeNetwork;

/** Behind each test it is closed, and leaves no timer. */
export function endsAll() {
  afterEach(async () => {
    client.close();
    await expectNothingLeft(clock);
  });
}

/** Makes it; discovery answers by itself. */
export function connect(options: Partial<Parameters<typeof createClient>[0]> = {}) {
  clock = new FakeClock();
  network = new FakeNetwork();
  network.discovery = (request) => request.answer(200, assignment());
  const { fetch } = network;
  client = createClient({ url: 'http://discovery.test', fetch, clock, random: () => 0.5, ...options });
}

export const settle = () => clock.advance(0);

/** Takes the next stream and says `connected`. */
export async function accept(more: object = {}): Promise<FakeRequest> {
  const stream = await network.request('/v1/stream');
  stream.stream();
  stream.event({ type: 'connected', node: 'n1', ...more } as never);
  await settle();
  return stream;
}

/** How often discovery is asked from now on. */
export function countsQuestions(): () => number {
  let asked = 0;
  network.discovery = (request) => {
    asked++;
    request.answer(200, assignment());
  };
  return () => asked;
}

/** What it says of its state from now on. */
export const states = () => {
  const types: string[] = [];
  client.on('state', ({ type }) => types.push(type));
  return types;
};
