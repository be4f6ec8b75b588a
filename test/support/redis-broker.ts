// A Redis server for a test file, and for each of its tests a broker on it and a channel that no other test uses.

import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Broker, HistoryPage } from '../../src/broker/broker.js';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { FanfareError } from '../../src/lib/errors.js';
import type { Offset } from '../../src/protocol/index.js';
import { RecordingListener } from './recording-listener.js';
import { RecordingLogger } from './recording-logger.js';
import { type RedisServer, startRedis } from './redis.js';

/** What the test under way works with; filled by hooks. */
export interface BrokerCase {
  server: RedisServer;
  broker: Broker;
  listener: RecordingListener;
  logger: RecordingLogger;
  channel: string;
}

/** Registers the hooks of the file that calls it. The object is good inside tests only. */
export function useRedisBroker(): BrokerCase {
  // Filled before each test: what reads it earlier reads undefined, and fails.
  const current = {} as BrokerCase;
  beforeAll(async () => {
    current.server = await startRedis();
  });
  afterAll(() => current.server.stop());
  beforeEach(async () => {
    current.listener = new RecordingListener();
    current.logger = new RecordingLogger();
    current.channel = `test:${randomUUID()}`;
    current.broker = createRedisBroker({
      url: current.server.url,
      prefix: 'fanfare',
      namespaces: new Namespaces(),
      logger: current.logger,
    });
    await current.broker.start(current.listener);
  });
  afterEach(() => current.broker.close());
  return current;
}

export const WHOLE_PAGE = { maxEntries: 1_000, maxBytes: 1024 * 1024 };

/** Publishes on the test's channel. */
export function publishTo(current: BrokerCase, data: string): Promise<Offset> {
  return current.broker.publish({ channel: current.channel, data });
}

/** Reads the test's channel. */
export function readFrom(current: BrokerCase, after: string): Promise<HistoryPage> {
  return current.broker.read(current.channel, after, WHOLE_PAGE);
}

/** The data of a page's entries. */
export function dataOf(page: HistoryPage): string[] {
  return page.entries.map(({ data }) => String(data));
}

/** The code with which `attempt` failed. */
export function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'no error',
    (error: unknown) => (error instanceof FanfareError ? error.code : String(error)),
  );
}
