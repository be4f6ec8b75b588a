// How much a poll of the SDK asks for, and what becomes of an answer that is cut.

import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../../../client-sdk/types.js';
import { news, polling, pollsIn } from './fakes/polling.js';
import { offset, World } from './fakes/world.js';

let world: World;
const { settle, poll, none } = pollsIn(() => world);
async function pollingWith(options: Partial<ClientOptions>) {
  world = new World(options);
  return polling(world);
}

describe('the length of an answer', () => {
  it('is little at first, and from then on what came in 2 s, until all is there', async () => {
    await pollingWith({ transports: ['long-poll'] });
    const asked: unknown[] = [];
    for (const [at, ms] of [0, 1_000, 4_000, 8_000].entries()) {
      const request = await poll();
      asked.push(request.body.maxBytes);
      const text = JSON.stringify(news(at + 2, [at + 2], { more: true }));
      request.stream();
      request.write(text.slice(0, 20));
      await world.clock.advance(ms);
      request.write(text.slice(20));
      request.end();
    }
    const last = await poll();
    asked.push(last.body.maxBytes);
    last.answer(200, news(6, [6]));
    asked.push((await poll()).body.maxBytes);
    expect(asked).toEqual([65_536, 262_144, 524_288, 262_144, 65_536, 65_536]);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('is never more than a node answers with', async () => {
    await pollingWith({ transports: ['long-poll'] });
    const asked: unknown[] = [];
    for (const n of [2, 3, 4, 5]) {
      const request = await poll();
      asked.push(request.body.maxBytes);
      request.answer(200, news(n, [n], { more: true }));
    }
    expect(asked).toEqual([65_536, 262_144, 1_048_576, 1_048_576]);
    await poll();
  });
});

describe('an answer that is cut midway', () => {
  const long = { transports: ['long-poll' as const] };
  const part = `{"channels":{"news":{"offset":"${offset(9)}","messages":[`.padEnd(10_000, ' ');

  it('is asked for again at once, as half of what came; what is whole lets the next ask for more', async () => {
    const listening = await pollingWith(long);
    const first = await poll();
    first.stream();
    first.write(part);
    await settle();
    first.cut();
    const second = await poll();
    expect(second.body).toEqual({
      channels: { news: offset(1) },
      waitMs: 25_000,
      maxBytes: 5_000,
      features: ['positions'],
    });
    second.answer(200, news(2, [2], { more: true }));
    const third = await poll();
    expect(third.body).toMatchObject({ channels: { news: offset(2) }, maxBytes: 7_500 });
    third.answer(200, news(3, [3]));
    expect((await poll()).body.maxBytes).toBe(65_536);
    expect(listening.data).toEqual([2, 3]);
    expect(world.stateTypes).toEqual(['connecting', 'connected']);
  });

  it('lets the next ask for more, and not for all, while one channel of several has more', async () => {
    world = new World(long);
    for (const channel of ['news', 'more']) world.subscribe(channel);
    const more = { offset: offset(1), messages: [] };
    (await poll()).answer(200, { channels: { ...news(1).channels, more } });
    const first = await poll();
    first.stream();
    first.write(part);
    await settle();
    first.cut();
    const second = await poll();
    expect(second.body.maxBytes).toBe(5_000);
    second.answer(200, { channels: { ...news(2, [2], { more: true }).channels, more } });
    expect((await poll()).body.maxBytes).toBe(7_500);
  });

  it('counts as cut too where its end cannot be told from one that is whole', async () => {
    await pollingWith(long);
    const first = await poll();
    first.stream();
    first.write(part);
    await settle();
    first.end();
    expect((await poll()).body).toMatchObject({ maxBytes: 5_000 });
  });

  it('loses the link once asking for less helps no more', async () => {
    await pollingWith(long);
    for (const maxBytes of [65_536, 1_024]) {
      const request = await poll();
      expect(request.body.maxBytes).toBe(maxBytes);
      request.stream();
      request.write(part.slice(0, 500));
      await settle();
      request.cut();
    }
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'network' });
  });

  it('is asked for as less over the next link where it stands still', async () => {
    await pollingWith(long);
    const first = await poll();
    first.stream();
    first.write(part);
    await world.clock.advance(28_750);
    expect(world.states.at(-1)).toMatchObject({ type: 'waiting', cause: 'timeout' });
    await poll();
    await world.clock.advance(250);
    expect((await poll()).body).toMatchObject({ channels: { news: offset(1) }, maxBytes: 5_000 });
  });

  it('is none when another poll has taken over', async () => {
    await pollingWith(long);
    const first = await poll();
    first.stream();
    first.write(part);
    await settle();
    world.subscribe('more');
    const both = { ...news(2, [2]).channels, more: { offset: offset(1), messages: [] } };
    (await poll()).answer(200, { channels: both });
    (await poll()).answer(204);
    expect((await poll()).body.maxBytes).toBe(65_536);
    expect(first.aborted).toBe(true);
  });

  it('that outgrows its bound is none, whoever sends it', async () => {
    await pollingWith({ transports: ['short-poll'] });
    await world.clock.advance(2_000);
    const request = await poll();
    request.stream();
    for (let n = 0; n < 5; n++) request.write('x'.repeat(1_048_576));
    await settle();
    expect(world.errors).toMatchObject([{ code: 'network', message: 'http://n1.test: RangeError: answer' }]);
    expect(request.aborted).toBe(true);
  });

  it('that is none of a node is no reason to ask again', async () => {
    await pollingWith(long);
    (await poll()).answer(200, '<html>a portal</html>');
    await settle();
    expect(world.client.state).toMatchObject({ type: 'waiting', cause: 'network' });
    none();
  });
});
