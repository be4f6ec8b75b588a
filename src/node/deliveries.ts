// What a node has handed over, counted by who took it.

import type { Channels } from './channels/channels.js';
import type { Links } from './clients/links.js';
import type { NodeStats } from './node-options.js';
import type { PollDoor } from './transports/poll.js';

/** One for each link that took a message and each poll that was answered with it. */
export function deliveriesOf({ replayed }: Links, { counters }: Channels, polls: PollDoor): NodeStats {
  const deliveredSockets = counters.deliveredSockets + replayed.websocket;
  const deliveredStreams = counters.deliveredStreams + replayed.sse;
  const deliveredPolls = polls.delivered;
  const delivered = deliveredSockets + deliveredStreams + deliveredPolls;
  return { delivered, deliveredSockets, deliveredStreams, deliveredPolls };
}
