// A server with a crowd on it, for one point of a curve.

import { Fleet } from '../fleet.js';
import { type Lab, startHost } from '../lab.js';
import { Numbers } from '../numbers.js';
import { connectToRedis, type Encode, encodeLogged, type Publisher } from '../publisher.js';
import { opening } from '../run/contender.js';
import { crowdOn } from '../scenarios/connections.js';
import type { Kind } from '../server-process.js';
import type { Stage } from '../traffic.js';
import type { Opened } from './flooded.js';

const PAYLOAD_BYTES = 128;
/** A process may have 20,000 files open in many places. */
const CLIENTS_PER_WORKER = 10_000;

/** Subscribes that are under way: a node that is asked for ten thousand at a time asks Redis for more than it answers in time. */
const CHANNELS_AT_ONCE = 200;

export interface GroundOptions {
  readonly kind: Kind;
  /** Options of the server, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clients: number;
  /** On one channel, or on so many each that nobody else is on. */
  readonly channelsEach?: number;
  /** Further clients, all on one channel that nothing is published to. */
  readonly idle?: number;
  /** Published to, at most; absent: to all channels. */
  readonly mostPublished?: number;
  readonly encode?: Encode;
  /** Before anybody subscribes. */
  readonly prepare?: (publisher: Publisher) => Promise<void>;
}

export async function openGround(lab: Lab, options: GroundOptions): Promise<Opened> {
  const { kind, env = {}, clients, channelsEach, idle = 0 } = options;
  return opening(async (later) => {
    const host = await startHost(lab, { kind, env });
    later(() => host.close());
    const fleet = new Fleet(Math.ceil(clients / CLIENTS_PER_WORKER), lab.instruments.driverFlags);
    later(() => fleet.close());
    const bystanders = new Fleet(1, lab.instruments.driverFlags);
    later(() => bystanders.close());
    const publisher = lab.instruments.publisher(await connectToRedis(host.redis));
    later(() => publisher.close());
    await options.prepare?.(publisher);
    const crowd = crowdOn(lab, host, { kind }, 'shared');
    const channel = channelsEach === undefined ? 'news' : 'news:%';
    if (idle > 0) await bystanders.open({ ...crowd, channel: topicOf(kind, 'idle'), count: idle });
    await fleet.open({
      ...crowd,
      // The bare loop has one topic for each link, which is that of the client's first channel.
      ...(kind === 'bare' && channelsEach !== undefined
        ? { channel: topicOf(kind, `${channel}:0`) }
        : { channel: topicOf(kind, channel), ...(channelsEach !== undefined && { channelsEach }) }),
      ...{ count: clients, atOnce: Math.ceil(CHANNELS_AT_ONCE / (channelsEach ?? 1)) },
    });
    const pids = [...fleet.pids, ...bystanders.pids];
    const stage: Stage = {
      name: kind,
      proc: lab.instruments.proc,
      cast: { server: host.server.pid, drivers: [process.pid, ...pids], redis: host.redis.pid },
      fleet,
      publisher,
      encode: options.encode ?? encodeLogged,
      channels: channelsOf(options),
      // Of a client's channels no two are published to in one burst, so that its messages are numbered as those of one channel.
      numbers: new Numbers(channelsEach === undefined ? 1 : clients),
      deliveriesPerMessage: channelsEach === undefined ? clients : 1,
      payloadBytes: PAYLOAD_BYTES,
    };
    return { stage };
  });
}

/** First the first channel of each client, then the second of each, and so on. */
export function channelsOf({
  clients,
  channelsEach,
  mostPublished = Number.POSITIVE_INFINITY,
}: GroundOptions): readonly string[] {
  if (channelsEach === undefined) return ['news'];
  const rounds = Math.max(1, Math.min(channelsEach, Math.floor(mostPublished / clients)));
  const count = rounds * clients; // so that a client's messages are as many as its numbers
  return Array.from({ length: count }, (_, at) => `news:${at % clients}:${Math.floor(at / clients)}`);
}

/** The bare loop's topics are Redis' own channels, so that it can carry what the publish function sends. */
function topicOf(kind: Kind, channel: string): string {
  return kind === 'bare' ? `fanfare:{${channel}}` : channel;
}
