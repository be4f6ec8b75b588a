// A node's figures, gathered from its parts when somebody asks.

import type { Admission } from './admission.js';
import type { Channels } from './channels/channels.js';
import type { HttpClients } from './clients/http-clients.js';
import type { Links } from './clients/links.js';
import type { Publisher } from './clients/publisher.js';
import type { ClusterMember } from './cluster-member.js';
import { deliveriesOf } from './deliveries.js';
import type { Lifecycle } from './lifecycle.js';
import type { LinkWatch } from './link-watch.js';
import type { NodeLoad } from './node-load.js';
import type { NodeStats, PushNodeParts } from './node-options.js';
import type { PollDoor } from './transports/poll.js';

export interface StatsParts {
  readonly links: Links;
  readonly watch: LinkWatch;
  readonly polls: PollDoor;
  readonly clients: HttpClients;
  readonly channels: Channels;
  readonly publisher: Publisher;
  readonly load: NodeLoad;
  readonly admission: Admission;
  readonly member: ClusterMember | undefined;
  readonly lifecycle: Lifecycle;
  readonly outside: Pick<PushNodeParts, 'broker' | 'revocations' | 'ingest'>;
}

/** `connections` is what counts as load. */
export function statsOf(parts: StatsParts, connections: number): NodeStats {
  const { links, polls, clients, channels, publisher, load, outside } = parts;
  return {
    connections,
    sockets: links.sockets,
    streams: links.streams,
    ...parts.watch.stats(),
    waitingPolls: polls.waiting,
    httpClients: clients.size,
    channels: channels.size,
    foundBehind: channels.foundBehind,
    historyBytes: channels.history.bytes,
    historyDropped: channels.history.dropped,
    publishedSockets: publisher.published.websocket,
    publishedHttp: publisher.published.http,
    eventLoopUtilization: load.eventLoop,
    ...channels.counters,
    ...channels.handover.stats(),
    ...deliveriesOf(links, channels, polls),
    ...outside.broker.stats?.(),
    slowConsumers: links.slowConsumers,
    polls: polls.polls,
    ...parts.admission.stats(),
    ...outside.revocations?.stats(),
    ...outside.ingest?.stats(),
    ...parts.member?.stats(),
    ...parts.lifecycle.stats(),
  };
}
