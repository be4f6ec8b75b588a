// What the bus brings and nobody can use: counted each time, told to the log once a minute and channel, and mended from the log.

import { expect, it, onTestFinished, vi } from 'vitest';
import { Namespaces } from '../../../src/config/namespaces.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';
import { RecordingLogger } from '../../support/recording-logger.js';

it('is counted each time, and told of once for each channel and minute', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const broker = createFaultyBroker();
  const logger = new RecordingLogger();
  const namespaces = new Namespaces();
  const channels = new Channels({ broker, namespaces, logger, publish: () => undefined, maxChannels: 10 });
  await broker.start(channels);
  const flood = () => {
    for (let n = 0; n < 100; n++)
      for (const channel of ['news', 'chat']) channels.damaged(channel, 'broken', 'envelope');
  };
  flood();
  expect(channels.counters['damaged.envelope']).toBe(200);
  expect(logger.lines.map(({ fields }) => fields)).toEqual([
    { channel: 'news', cause: 'envelope', reason: 'broken' },
    { channel: 'chat', cause: 'envelope', reason: 'broken' },
  ]);
  vi.advanceTimersByTime(60_001);
  flood();
  expect(channels.counters['damaged.envelope']).toBe(400);
  expect(logger.lines).toHaveLength(4);
  channels.close();
});
