// Polls without a token, and as much of a node as they need.

import { Namespaces } from '../../../src/config/namespaces.js';
import { steadyUnixMs } from '../../../src/lib/clocks.js';
import { FanfareError } from '../../../src/lib/errors.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { Channels } from '../../../src/node/channels/channels.js';
import { FeedRules } from '../../../src/node/clients/feed-rules.js';
import { HttpClients } from '../../../src/node/clients/http-clients.js';
import { LinkCounts } from '../../../src/node/clients/link-counts.js';
import { NOBODY, Visitor } from '../../../src/node/clients/visitor.js';
import type { AnswerKind } from '../../../src/node/transports/call.js';
import { PollPlaces } from '../../../src/node/transports/poll-places.js';
import { PollTask } from '../../../src/node/transports/poll-task.js';
import { WaitingRoom } from '../../../src/node/transports/poll-wait.js';
import { PollWriter } from '../../../src/node/transports/poll-write.js';
import type { After } from '../../../src/protocol/index.js';
import { createFaultyBroker } from '../../support/faulty-broker.js';
import { testLimits } from '../../support/limits.js';

const RATE = { perSecond: 1_000, burst: 1_000 };

export function namelessPolls() {
  const clients = new HttpClients();
  const counts = new LinkCounts({ max: 0, by: 'user' });
  const visitor = new Visitor(NOBODY, { address: '10.0.0.1', bearer: () => undefined });
  return {
    places: new PollPlaces({ isFull: () => false, counts, clients }),
    client: () => clients.see(visitor, 0),
    lifecycle: { isMoving: false },
    limit: FREE,
    openings: FREE,
    door: { requireGood: () => undefined, nowMs: steadyUnixMs },
    feeds: { ofPoll: () => undefined },
  };
}

/** Nobody pays for what is read. */
export const FREE = { charge: () => undefined, spend: () => undefined };

/** Nobody is paced who does not ask for it. */
export function feedRules(namespaces: Namespaces): FeedRules {
  const { outbound, own } = testLimits({ commands: RATE, publishes: RATE, polls: RATE });
  return new FeedRules({ namespaces, limits: { outbound, own }, nowMs: steadyUnixMs });
}

/** As much of a node as polls and subscriptions need. */
export async function nodeOf(historySize = 1_000, broker = createFaultyBroker({ default: { historySize } })) {
  const namespaces = new Namespaces({ default: { public: true, historySize } });
  const publish = () => undefined;
  const channels = new Channels({ broker, namespaces, logger: silentLogger, publish, maxChannels: 10_000 });
  await broker.start(channels);
  const limits = { channelsPerConnection: 128, aheadBytes: 256 * 1024 };
  return {
    broker,
    channels,
    subscriptions: {
      channels,
      namespaces,
      ...limits,
      polls: FREE,
      nowMs: steadyUnixMs,
      feeds: feedRules(namespaces),
      logger: silentLogger,
    },
  };
}

/** Begins polls whose answers are kept; `abort` is their clients' going away. */
export function pollsOf({ broker, channels }: Awaited<ReturnType<typeof nodeOf>>, saysTail = false) {
  const room = new WaitingRoom();
  const { client, ...nameless } = namelessPolls();
  const manner = { replaces: true, opens: false, hearsLive: true, saysTail };
  const own = { manner, writer: new PollWriter(), counts: { delivered: 0 } };
  const parts = { ...nameless, ...own, channels, room, brokerStatus: () => broker.status() };
  const answers: unknown[] = [];
  const bodies: Buffer[] = [];
  const begin = (channels: Record<string, After>, waitMs: number, maxBytes = 1_048_576) => {
    let abort = () => {};
    const call = {
      exchange: {
        onAbort: (listener: () => void) => {
          abort = listener;
        },
      },
      fail: (error: unknown) => answers.push(error instanceof FanfareError ? error.code : error),
      respondAs: ({ status }: AnswerKind, body?: string | Buffer) => {
        if (Buffer.isBuffer(body)) bodies.push(body);
        answers.push(body === undefined ? status : JSON.parse(String(body)));
      },
    };
    const request = { channels: new Map(Object.entries(channels)), waitMs, maxBytes };
    const one = client();
    const task = new PollTask(parts, call, { identity: NOBODY, request, client: one, keys: one, paid: 0.1 });
    task.start();
    return { task: new WeakRef(task), abort: () => abort() };
  };
  return { begin, answers, bodies, room, close: () => room.close() };
}
