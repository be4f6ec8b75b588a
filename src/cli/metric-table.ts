// What each figure of a process is called in `/metrics`: its name, its kind and what it counts, in words.

export interface MetricInfo {
  /** Without `fanfare_`; figures of one name differ in the value of its label. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** `[name, value]`. Without a value: what stands behind the dot of the figure's key, such as `refusals.bad_field`. */
  readonly label?: readonly [name: string, value?: string];
}

const gauge = (name: string, help: string): MetricInfo => ({ name, type: 'gauge', help });
const counter = (name: string, help: string): MetricInfo => ({ name: `${name}_total`, type: 'counter', help });

const histogram = (name: string, help: string): MetricInfo => ({ name, type: 'histogram', help });

/** Figures that are one metric: of each its value of the label. */
function split(metric: MetricInfo, label: string, values: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, { ...metric, label: [label, value] as const }]),
  );
}

const DELIVERIES = counter(
  'deliveries',
  'Messages handed to links and polls, one for each that took or was answered with it.',
);
const PUBLISHES = counter(
  'publishes',
  'Messages that this node published, by the way in which they came: what backends publish by FCALL passes no node.',
);
const STATE = gauge('state', 'What the node reports of itself: 1 for the state that it is in, 0 for the others.');

/** By the key of the figure. */
export const METRICS: Readonly<Record<string, MetricInfo>> = {
  connections: gauge('connections', 'Places that are taken: WebSockets, streams and clients of polls.'),
  sockets: gauge('sockets', 'WebSockets that have shown a ticket.'),
  streams: gauge('streams', 'Streams of server-sent events.'),
  httpClients: gauge('http_clients', 'Clients of polls that came within the last seconds.'),
  waitingPolls: gauge('waiting_polls', 'Long polls that wait for a message.'),
  newcomers: gauge('newcomers', 'WebSockets that have shown no ticket yet.'),
  channels: gauge('channels', 'Channels that somebody here follows, or did a moment ago.'),
  bufferedBytes: gauge('buffered_bytes', 'Bytes that clients have not read yet.'),
  historyBytes: gauge('history_bytes', 'Bytes that recent messages of channels take in memory.'),
  historyDropped: counter('history_dropped', 'Channels whose recent messages were let go for want of memory.'),
  eventLoopUtilization: gauge('event_loop_utilization', 'Share of its time for which the event loop was busy.'),
  handshakesRefused: counter(
    'handshakes_refused',
    'Sockets refused because their address had too many that showed nothing.',
  ),
  deadStreams: counter('dead_streams', 'Streams ended because their client was gone without a word.'),
  slowConsumers: counter('slow_consumers', 'Links cut because they read too slowly.'),
  messages: counter('messages', 'Messages that channels handed on, each once, whoever listened.'),
  duplicates: counter('duplicates', 'Messages that the bus brought again.'),
  ...split(DELIVERIES, 'transport', { deliveredSockets: 'websocket', deliveredStreams: 'sse', deliveredPolls: 'poll' }),
  ...split(PUBLISHES, 'path', { publishedSockets: 'websocket', publishedHttp: 'http', ingested: 'queue' }),
  handover: histogram(
    'publish_to_handover_seconds',
    'From the publish of a logged message to the moment at which the node had handed it to its links; one of each millisecond.',
  ),
  loopDelay: histogram('event_loop_delay_seconds', 'How late the event loop was, four times a second.'),
  repairs: counter('repairs', 'Holes in what the bus brought that were looked for in the log.'),
  repaired: counter('repaired', 'Messages that the bus lost and the log had.'),
  gaps: {
    ...counter('gaps', 'Gaps that clients were told of, one for each client and channel, by reason.'),
    label: ['reason'],
  },
  foundBehind: counter('found_behind', 'Channels that the comparison of tails found behind their logs.'),
  damaged: { ...counter('damaged', 'Messages of the bus that could not be used, by cause.'), label: ['cause'] },
  polls: counter('polls', 'Polls that were answered.'),
  rateLimited: counter('rate_limited', 'Commands and calls over a limit.'),
  refused: counter('refused', 'Clients turned away for want of room, of a good ticket or of a grant.'),
  limitsFailedOpen: counter(
    'limits_failed_open',
    'Requests and links that passed a shared limit because Redis could not be asked.',
  ),
  refusals: {
    ...counter('refusals', 'What clients were told in place of what they asked for, by code.'),
    label: ['code'],
  },
  lapsedReservations: counter('lapsed_reservations', 'Clients that discovery sent here and that did not come.'),
  ...split(STATE, 'state', {
    ...{
      stateReady: 'ready',
      stateFull: 'full',
      stateDeaf: 'deaf',
      stateForeign: 'foreign',
      stateDraining: 'draining',
    },
  }),
  canaryMisses: counter('canary_misses', "Messages of the node's own that Redis took and did not bring back."),
  subscriberRebuilds: counter('subscriber_rebuilds', 'Subscriber connections made anew because they brought nothing.'),
  subscriberDisconnects: counter('subscriber_disconnects', 'Subscriber connections to Redis that were lost.'),
  ingestDead: counter('ingest_dead', 'Entries of the queue that can never be published.'),
  ingestAside: gauge('ingest_aside', 'Channels of the queue for which others no longer wait.'),
  ingestHolder: gauge('ingest_holder', '1 on the node that drains the queue.'),
  discoveryConnects: counter('discovery_connects', 'Clients that were given a node.'),
  discoveryRenewedTickets: counter('discovery_renewed_tickets', 'Tickets that were renewed.'),
  discoveryUnreserved: counter('discovery_unreserved', 'Clients that were given a node without a place kept for them.'),
  discoveryRefused: counter('discovery_refused', 'Calls that were turned away.'),
  discoveryRateLimited: counter('discovery_rate_limited', 'Calls over a limit.'),
  discoveryInternalErrors: counter('discovery_internal_errors', 'Calls that a fault of discovery ended.'),
  discoveryRefusals: {
    ...counter('discovery_refusals', 'What discovery told in place of a node, by code.'),
    label: ['code'],
  },
  discoveryNodes: gauge('discovery_nodes', 'Nodes that report.'),
  discoveryUsableNodes: gauge('discovery_usable_nodes', 'Nodes that may be assigned to clients.'),
  ignoredNodeRecords: counter('ignored_node_records', 'Records of nodes in Redis that could not be used.'),
  cachedTokens: gauge('cached_tokens', 'Tokens whose signature need not be verified again.'),
  jwksUnavailable: counter('jwks_unavailable', 'Times that keys of the JWKS URL could not be had.'),
  revokedNames: gauge('revoked_names', 'Tokens, users and moments in the list of revocations.'),
  revocationFilterBytes: gauge('revocation_filter_bytes', 'Memory of the filter of revocations.'),
  revocationFiltersBuilt: counter('revocation_filters_built', 'Filters of revocations that were built.'),
  revocationsApplied: counter('revocations_applied', 'Revocations that this process has applied.'),
  revocationLookups: counter('revocation_lookups', 'Times that the exact list of revocations was asked.'),
  logLinesDropped: counter('log_lines_dropped', 'Lines that whoever reads the log did not take in time.'),
};

/** The sum of others, which whoever asks can make. */
export const LEFT_OUT: ReadonlySet<string> = new Set(['delivered']);
