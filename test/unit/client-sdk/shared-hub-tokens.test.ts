// The tokens of a hub that tabs share: which tab is asked for one, and what becomes of it where none has any.

import { afterEach, describe, expect, it } from 'vitest';
import { DONE, FAILED, FAILURE, STATE, TOKEN } from '../../../client-sdk/shared/words.js';
import { HubWorld, type SpokenPort } from './fakes/hub-tabs.js';
import { jwt } from './fakes/world.js';

let world: HubWorld;
afterEach(() => world.end());
const settle = () => world.clock.advance(0);

async function accept() {
  const socket = await world.network.sockets.next();
  await socket.accept();
  return socket;
}

/** The last state of the client that it was told. */
const stateOf = (tab: SpokenPort) => (tab.take(STATE).at(-1) as readonly unknown[] | undefined)?.[0];

describe('a token', () => {
  /** Two tabs: the first was asked for a token and has none, and the second is seen. */
  async function lending() {
    world = new HubWorld({ token: () => 'is never called' });
    const first = world.join('first');
    expect(first.take(TOKEN)).toEqual(['connect']);
    first.say(FAILED, [1006, 'token', 'down', {}], 1);
    await settle();
    expect(first.take(FAILURE)).toMatchObject([[1006, 'token', expect.stringContaining('down'), {}]]);
    const second = world.join('second');
    second.show(false);
    await world.clock.advance(250);
    return { first, second };
  }

  it('is lent by the tab that is seen, and nobody else is asked', async () => {
    const { first, second } = await lending();
    expect(first.take(TOKEN)).toEqual([]);
    second.say(DONE, jwt(2), second.asked(TOKEN));
    const socket = await accept();
    for (let n = 0; n < 2; n++) {
      await world.clock.advance(2_000);
      socket.send({ type: 'heartbeat' });
    }
    expect(first.take(TOKEN)).toEqual([]);
  });

  it('is asked of the next where one does not answer for 2 s, and taken from whoever comes to it at last', async () => {
    const { first, second } = await lending();
    await world.clock.advance(1_999);
    expect(first.asked(TOKEN)).toBe(undefined);
    await world.clock.advance(1);
    first.say(FAILED, [1006, 'token', 'still down', {}], first.asked(TOKEN));
    await settle();
    expect(first.take(FAILURE)).toEqual([]);
    second.say(DONE, jwt(2), second.asked(TOKEN));
    await accept();
    expect(stateOf(second)).toMatchObject({ type: 'connected' });
  });

  it('that no tab has is a failure of which all are told why', async () => {
    const { first, second } = await lending();
    second.say(FAILED, [1006, 'token', 'no', {}], second.asked(TOKEN));
    await settle();
    first.say(FAILED, [1006, 'token', 'neither', {}], first.asked(TOKEN));
    await settle();
    expect(second.take(FAILURE)).toMatchObject([[1006, 'token', expect.stringContaining('neither'), {}]]);
  });

  it('that a tab says there is none of any more ends it for all', async () => {
    const { first, second } = await lending();
    second.say(FAILED, [1000, 'logged_out', 'logged_out', {}], second.asked(TOKEN));
    await settle();
    expect(stateOf(first)).toEqual({ type: 'closed', code: 1000, reason: 'logged_out' });
    expect(world.ended).toHaveBeenCalledOnce();
  });

  it('for which nobody waits any more is asked of no other tab', async () => {
    world = new HubWorld({ token: () => 'is never called' });
    const first = world.join('first');
    const asked = first.asked(TOKEN);
    await world.clock.advance(60_000);
    const second = world.join('second');
    first.say(FAILED, [1006, 'token', 'late', {}], asked);
    await settle();
    expect(second.take(TOKEN)).toEqual([]);
  });
});
