// What Redis tells of writes to the queue: entries are published when they come, and an empty queue is left alone.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IngestWorld } from './ingest-world.js';

let world: IngestWorld;
beforeEach(async () => {
  world = await IngestWorld.start();
});
afterEach(() => world?.stop());

/** One after the other, each when the one before has been published: with looks alone they would take two seconds each. */
async function oneByOne(first: number, count: number): Promise<void> {
  for (let i = first; i < first + count; i++) {
    await world.queueMany(1, 1, i);
    await world.drained();
  }
}

describe('a queue that is watched', () => {
  it('is read when something was written to it, entry for entry', async () => {
    const { ingest } = await world.drainer();
    ingest.start();
    await world.watched();
    await oneByOne(0, 20);
    await world.expectAll(20, 1);
  });

  it('is left alone while it is empty', async () => {
    const { ingest } = await world.drainer();
    ingest.start();
    await world.watched();
    const { holds, looks } = await world.callsUntil(4);
    expect(holds).toBe(4);
    // At every other renewal of the lease; without the watch ten times between two.
    expect(looks).toBeLessThanOrEqual(4);
  });

  it('is watched again after the connection that is told was killed', async () => {
    const { ingest } = await world.drainer();
    ingest.start();
    await world.watched();
    await oneByOne(0, 3);
    await world.server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await world.watched();
    await oneByOne(3, 20);
    await world.expectAll(23, 1);
  });

  it('is looked at where the user may not be told, and the log says so once', async () => {
    await world.server.admin.acl('SETUSER', 'default', 'resetchannels', '&fanfare:*');
    const { ingest, logger } = await world.drainer();
    ingest.start();
    await world.queueMany(100, 3);
    await world.drained();
    await world.expectAll(100, 3);
    const told = () => logger.texts('info').filter((text) => text.includes('does not tell of writes to the queue'));
    await expect.poll(() => told().length).toBe(1);
  });

  it('is watched by who drains it, and by nobody once that has closed', async () => {
    const { ingest: first } = await world.drainer();
    const { ingest: second } = await world.drainer();
    first.start();
    await world.watched();
    second.start();
    await oneByOne(0, 3);
    await world.watched();
    await first.close();
    await world.watched();
    expect(second.stats().ingestHolder).toBe(1);
    await oneByOne(3, 3);
    await world.expectAll(6, 1);
  });
});
