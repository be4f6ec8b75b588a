// What an engine hands requests and sockets to: the doors of a node, each with the parts that it names.

import { allowsAnonymous } from '../auth/anonymous.js';
import { corsHeaders } from '../http/origins.js';
import { PublishKeys } from '../http/publish-keys.js';
import { calm } from '../lib/calm.js';
import { monotonicNowMs } from '../lib/clocks.js';
import type { Logger } from '../lib/logger.js';
import type { Admission } from './admission.js';
import type { Batches } from './channels/batches.js';
import type { Channels } from './channels/channels.js';
import type { Eraser } from './channels/eraser.js';
import { CommandReader } from './clients/command-reader.js';
import { FeedRules } from './clients/feed-rules.js';
import { aheadBytesOf } from './clients/follower.js';
import type { LinkCounts } from './clients/link-counts.js';
import { connectedTerms } from './clients/link-events.js';
import type { LinkIds } from './clients/link-ids.js';
import type { Links } from './clients/links.js';
import type { Publisher } from './clients/publisher.js';
import type { StreamLinkParts } from './clients/stream-link.js';
import type { SubscriptionsParts } from './clients/subscriptions.js';
import type { EngineHandlers } from './engines/engine.js';
import type { Fallback, PushNodeOptions } from './node-options.js';
import { ChannelDoor } from './transports/channel-resource.js';
import type { Entry } from './transports/entry.js';
import { HttpDoors, routesOf } from './transports/http-doors.js';
import type { PollDoor } from './transports/poll.js';
import { PublishDoor } from './transports/publish.js';
import { StreamDoor } from './transports/stream.js';
import { SocketDoor } from './transports/websocket.js';

export interface EngineHandlersParts {
  readonly options: PushNodeOptions;
  readonly logger: Logger;
  readonly fallback: Fallback | undefined;
  readonly admission: Admission;
  readonly entry: Entry;
  readonly polls: PollDoor;
  readonly eraser: Eraser;
  readonly publisher: Publisher;
  readonly channels: Channels;
  readonly batches: Batches;
  readonly links: Links;
  readonly counts: LinkCounts;
  readonly ids: LinkIds;
}

export function engineHandlers(parts: EngineHandlersParts): EngineHandlers {
  const { options, fallback, admission, entry, polls, publisher, links } = parts;
  const logger = calm(parts.logger);
  const subscriptions = subscriptionsParts(parts);
  const ofLinks = { links, counts: parts.counts, ids: parts.ids, terms: connectedTerms(options) };
  const { maxBufferedBytes, maxMessageBytes } = options;
  const stream = { ...ofLinks, subscriptions, maxBufferedBytes };
  const streams = new StreamDoor(entry, stream);
  const keys = new PublishKeys(options.publishKeys);
  const publishDoor = new PublishDoor({ door: admission, entry, publisher, keys, maxMessageBytes });
  const sockets = socketDoor(parts, stream, logger);
  const channels = channelDoor(parts, stream, keys);
  const routes = routesOf({ polls, streams, publishes: publishDoor, channels });
  const doors = new HttpDoors({ admission, logger }, routes, fallback);
  return {
    request: (exchange) => {
      links.hurry(monotonicNowMs());
      return doors.handle(exchange);
    },
    upgrade: (request) => sockets.decide(request),
    slowConsumer: () => void links.slowConsumers++,
    failed: (error, requestId) => logger.error({ error, requestId }, 'a handler failed'),
    errorHeaders: (origin) => corsHeaders(admission.allowed(origin)),
  };
}

function socketDoor(parts: EngineHandlersParts, stream: StreamLinkParts, logger: Logger): SocketDoor {
  const { options, admission, publisher, channels, batches, links, counts, ids } = parts;
  const { subscriptions, terms } = stream;
  const { commands, publishes, openings } = admission;
  const session = { ...subscriptions, ids, publisher, door: admission, publishes, openings, logger };
  const pace = { batches, slices: channels.slices };
  const { handshakeTimeoutMs, namespaces } = options;
  const own = {
    session,
    terms,
    commands: new CommandReader(commands),
    handshakeTimeoutMs,
    logger,
    door: admission,
  };
  return new SocketDoor(admission, { links, counts, ids, ...pace, ...own }, allowsAnonymous(namespaces));
}

/** Who reads a channel by its URL gets all of it: there is no word for what was left out. */
function channelDoor(
  { options, entry, polls, eraser, admission }: EngineHandlersParts,
  stream: StreamLinkParts,
  keys: PublishKeys,
): ChannelDoor {
  const { namespaces, limits } = options;
  const feeds = new FeedRules({ namespaces, limits, nowMs: admission.nowMs, conflates: false });
  const streams = { ...stream, subscriptions: { ...stream.subscriptions, feeds } };
  return new ChannelDoor({ entry, polls, streams, namespaces, door: admission, keys, eraser });
}

function subscriptionsParts({ options, admission, channels, logger }: EngineHandlersParts): SubscriptionsParts {
  const { namespaces, channelsPerConnection, limits } = options;
  const { polls, nowMs } = admission;
  const aheadBytes = aheadBytesOf(options);
  const feeds = new FeedRules({ namespaces, limits, nowMs });
  return { channels, namespaces, channelsPerConnection, aheadBytes, polls, nowMs, feeds, logger };
}
