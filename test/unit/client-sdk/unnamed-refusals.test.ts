// Streams and polls that are refused without a word which of their channels is to blame: it is found, and the others live.

import { afterEach, describe, expect, it } from 'vitest';
import type { FakeRequest } from './fakes/fake-network.js';
import { type Listening, offset, World } from './fakes/world.js';

let world: World;
afterEach(() => world.end());

const NAMES = Array.from({ length: 20 }, (_, n) => `c:${n}`);

describe.each([
  ['sse', '/v1/stream'],
  ['long-poll', '/v1/poll'],
] as const)('over %s', (transport, path) => {
  let asked: number;

  /** A node that takes what is good. */
  async function serve(isGood: (names: readonly string[]) => boolean, code: string): Promise<Listening[]> {
    world = new World({ transports: [transport] });
    const all = NAMES.map((name) => world.subscribe(name));
    asked = 0;
    for (let seconds = 0; seconds < 3; seconds++) {
      await world.clock.advance(1_000);
      while (world.network.waiting(path)[0]) {
        answer(await world.network.request(path), isGood, code);
        await world.clock.advance(0);
      }
    }
    return all;
  }

  function answer(request: FakeRequest, isGood: (names: readonly string[]) => boolean, code: string) {
    if (request.aborted) return;
    const places = request.body.channels as Readonly<Record<string, string>>;
    const names = Object.keys(places);
    if (request.body.waitMs) return;
    asked++;
    if (!isGood(names)) return request.refuse(400, code);
    if (transport === 'long-poll') {
      const channels = Object.fromEntries(names.map((name) => [name, { offset: offset(1), messages: [] }]));
      return request.answer(200, { channels });
    }
    request.stream();
    for (const channel of names) request.event({ type: 'subscribed', channel, offset: offset(1), recovered: true });
  }

  const states = (all: readonly Listening[]) => all.map(({ subscription: { state } }) => state.type);

  it('keeps as many channels as the node allows', async () => {
    const all = await serve((names) => names.length <= 10, 'too_many_channels');
    expect(states(all)).toEqual(NAMES.map((_, n) => (n < 10 ? 'subscribed' : 'closed')));
    expect(world.client.state.type).toBe('connected');
    expect(asked).toBeLessThan(12);
  });

  it.each([0, 7, 19])('ends the one that is bad alone, be it number %i', async (bad) => {
    const all = await serve((names) => !names.includes(`c:${bad}`), 'bad_field');
    expect(states(all)).toEqual(NAMES.map((_, n) => (n === bad ? 'closed' : 'subscribed')));
    expect(world.errors).toMatchObject([{ code: 'bad_field' }]);
    expect(asked).toBeLessThan(20);
  });

  it('ends all where none is allowed', async () => {
    const all = await serve(() => false, 'too_many_channels');
    expect(new Set(states(all))).toEqual(new Set(['closed']));
    expect(asked).toBeLessThan(8);
  });
});
