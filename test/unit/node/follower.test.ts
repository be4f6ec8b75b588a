// A follower's way from a position to the channel's: as far as its sink has room, and live only where nothing is left.

import { expect, it } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Turns } from '../../../src/lib/turns.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { Follower, type FollowerSink } from '../../../src/node/clients/follower.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';

const AHEAD_BYTES = 1_000;
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** A channel with `count` messages in its memory, and a sink that counts what it was sent and takes it when it is told to. */
async function bench(count: number, keeps = true) {
  const broker = createFaultyBroker();
  const channels = new Channels({
    broker,
    namespaces: new Namespaces({ default: { historySize: 1_000 } }),
    logger: silentLogger,
    publish: () => undefined,
    maxChannels: 10,
  });
  await broker.start(channels);
  const channel = channels.acquire('news');
  if (keeps) channel.memory.keep();
  await channel.ready;
  const from = channel.position;
  const publish = () => broker.healthy.publish({ channel: 'news', data: '1' });
  for (let n = 0; n < count; n++) await publish();
  const state = { sent: 0, buffered: 0, bytesEach: 0, isOver: false, live: false, reads: () => broker.reads };
  let drained = () => {};
  const sink: FollowerSink = {
    sendEvent: () => undefined,
    sendMessage: () => {
      state.sent++;
      state.buffered += state.bytesEach;
    },
    cork: (write) => write(),
    bufferedBytes: () => state.buffered,
    drained: () =>
      new Promise((resolve) => {
        drained = resolve;
      }),
  };
  const take = () => {
    state.buffered = 0;
    drained();
  };
  const follower = new Follower({
    channel,
    sink,
    turns: new Turns(4),
    slices: channels.slices,
    aheadBytes: AHEAD_BYTES,
    charge: () => undefined,
    isOver: () => state.isOver,
  });
  const follow = () =>
    follower.follow(
      from,
      () => undefined,
      () => {
        state.live = true;
      },
    );
  return { broker, channels, state, take, publish, follow };
}

it('sends all that is in memory before it goes live, without a read of the log', async () => {
  const { channels, state, follow } = await bench(200);
  const reads = state.reads();
  await follow();
  expect([state.sent, state.live, state.reads()]).toEqual([200, true, reads]);
  channels.close();
});

it('stops where its sink has no room, and goes on when it has', async () => {
  const { channels, state, take, publish, follow } = await bench(50);
  state.bytesEach = AHEAD_BYTES / 4;
  const following = follow();
  const steps: number[] = [];
  while (!state.live) {
    await soon();
    steps.push(state.sent);
    if (steps.length === 3) await publish();
    take();
  }
  await following;
  expect(state.sent).toBe(51);
  expect(steps.slice(0, 3)).toEqual([5, 10, 15]);
  channels.close();
});

it('ends without going live when nobody wants more', async () => {
  const { channels, state, take, follow } = await bench(50);
  state.bytesEach = AHEAD_BYTES;
  const following = follow();
  await soon();
  state.isOver = true;
  take();
  await following;
  expect(state.live).toBe(false);
  expect(state.sent).toBeLessThan(50);
  channels.close();
});

it('meets a channel that nobody else reads after one read of its log, however busy it is', async () => {
  const { broker, channels, state, publish, follow } = await bench(200, false);
  const reads = state.reads();
  broker.afterRead = async () => {
    for (let n = 0; n < 3 && state.reads() < 20; n++) await publish();
  };
  await follow();
  expect([state.sent, state.live, state.reads() - reads]).toEqual([203, true, 1]);
  expect(channels.history.bytes).toBe(0);
  channels.close();
});
