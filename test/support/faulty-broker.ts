// A broker, that in memory unless another is given, with faults between it and its node: commands that fail or wait, and a bus that is in the test's hands.

import type { Broker, BrokerListener, BrokerMessage } from '../../src/broker/broker.js';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { type NamespaceOptions, Namespaces } from '../../src/config/namespaces.js';
import { FanfareError } from '../../src/lib/errors.js';

export interface FaultyBroker extends Broker {
  /** What `publish` of another node goes through: no fault of this node's touches it. */
  readonly healthy: Broker;
  /** While true, everything but `healthy` rejects with `broker_unavailable`. */
  away: boolean;
  /** Awaited after each subscribe, before it is confirmed. */
  afterSubscribe: (channel: string) => Promise<void> | undefined;
  /** Awaited before each read is carried out, and after it, before its answer is handed on. */
  beforeRead: (channel: string) => Promise<void> | undefined;
  afterRead: (channel: string) => Promise<void> | undefined;
  /** What the bus brings; hands it on, or not, by calling `deliver`. */
  bus: (channel: string, message: BrokerMessage, deliver: BrokerListener['message']) => void;
  /** Reads since the start. */
  reads: number;
  /** Tells the node that its subscriptions stand again. */
  resubscribed(channels: readonly string[]): void;
}

export function createFaultyBroker(
  namespaces: Readonly<Record<string, Partial<NamespaceOptions>>> = { default: { historySize: 1_000 } },
  healthy: Broker = createMemoryBroker({ namespaces: new Namespaces(namespaces) }),
): FaultyBroker {
  let node: BrokerListener | undefined;
  const deliver: BrokerListener['message'] = (channel, message) => node?.message(channel, message);
  const reachable = () => {
    if (broker.away) throw new FanfareError('broker_unavailable', 'the test has taken it away');
  };
  const broker: FaultyBroker = {
    healthy,
    away: false,
    afterSubscribe: () => undefined,
    beforeRead: () => undefined,
    afterRead: () => undefined,
    bus: (channel, message, on) => on(channel, message),
    reads: 0,
    resubscribed: (channels) => node?.resubscribed(channels),
    start(listener) {
      node = listener;
      return healthy.start({ ...wrap(listener), message: (channel, message) => broker.bus(channel, message, deliver) });
    },
    async subscribe(channel) {
      reachable();
      await healthy.subscribe(channel);
      await broker.afterSubscribe(channel);
    },
    unsubscribe: (channel) => healthy.unsubscribe(channel),
    async publish(publication) {
      reachable();
      return healthy.publish(publication);
    },
    async publishLive(channel, data) {
      reachable();
      return healthy.publishLive(channel, data);
    },
    async read(channel, after, limit) {
      broker.reads++;
      reachable();
      await broker.beforeRead(channel);
      reachable();
      const page = await healthy.read(channel, after, limit);
      await broker.afterRead(channel);
      reachable();
      return page;
    },
    async tails(channels) {
      reachable();
      return healthy.tails(channels);
    },
    status: () => ({ ...healthy.status(), ready: !broker.away }),
    close: () => healthy.close(),
  };
  return broker;
}

function wrap(listener: BrokerListener): BrokerListener {
  return {
    message: (channel, message) => listener.message(channel, message),
    resubscribed: (channels) => listener.resubscribed(channels),
    damaged: (channel, reason, cause) => listener.damaged(channel, reason, cause),
    erased: (channel, begin) => listener.erased?.(channel, begin),
  };
}
