// What Redis refuses once a message is in the log, as without a right to the bus: it is stored, is said to be, and is delivered from the log.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { IngestWorld } from './ingest-world.js';

let world: IngestWorld;
beforeEach(async () => {
  world = await IngestWorld.start();
});
afterEach(() => world?.stop());

const RULES = ['resetchannels', '-publish', '-set', '-pexpire', '-xtrim'];

it.each(RULES)(
  'a publish is answered with its offset, and stored once, without the right to what follows (%s)',
  async (rule) => {
    const { broker, server } = world;
    const one = (data: string) => broker.publish({ channel: 'news', data });
    const many = (...all: readonly string[]) => broker.publishMany(all.map((data) => ({ channel: 'news', data })));
    await one('0');
    await server.admin.call('ACL', 'SETUSER', 'default', rule);
    const offsets: (string | undefined)[] = [await one('1'), await one('2')];
    for (const outcome of await many('3', '4'))
      offsets.push('offset' in outcome ? outcome.offset : outcome.error.message);
    for (const outcome of await many('5')) offsets.push('offset' in outcome ? outcome.offset : outcome.error.message);
    // Readers that hear nothing compare where they are with this.
    expect(await broker.tails(['news'])).toEqual([offsets.at(-1)]);
    const page = await broker.read('news', '-1', { maxEntries: 10, maxBytes: 65_536 });
    expect(page.entries.map(({ offset }) => offset).slice(1)).toEqual(offsets);
    await server.admin.call('ACL', 'SETUSER', 'default', '+@all', '&*');
    await one('6');
    expect(await world.published('news')).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  },
);

it('a history that nobody may be told of is deleted, and is not said to be forgotten everywhere', async () => {
  const { broker, server } = world;
  await broker.publish({ channel: 'news', data: '1' });
  await server.admin.call('ACL', 'SETUSER', 'default', 'resetchannels');
  const keys = ['fanfare:{news}:log', 'fanfare:{news}:tail', 'fanfare:{news}:forgot'];
  const answer = await server.admin.call('FCALL', 'fanfare_erase', keys.length, ...keys);
  expect(answer).toEqual([expect.any(String), 2 ** 31 - 1]);
  expect(await world.published('news')).toEqual([]);
});
