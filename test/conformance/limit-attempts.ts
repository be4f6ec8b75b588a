// One request that a limit counts, by each transport that it can come by: whether it passed, and what its client was told.

import type { LimitSubject, RateName } from '../../src/config/limits.js';
import { openStream, SocketClient } from '../support/feed.js';
import { get } from '../support/http-get.js';
import { type PostAnswer, post } from '../support/http-post.js';
import type { Attempt, Limited, Told } from '../support/limit-player.js';
import { PUBLISH_KEY, type TestNode } from '../support/push-node.js';

export interface LimitedBy extends Limited {
  /** Discovery asks `connects`; `outbound` has nobody refused. */
  readonly name: Exclude<RateName, 'connects' | 'outbound'>;
  readonly by: LimitSubject;
  readonly transport: string;
  readonly begin: (node: TestNode) => Promise<{ readonly attempt: Attempt; close(): void }>;
}

let names = 0;
/** So many channels that nobody has open. */
const fresh = (count: number) => Object.fromEntries(Array.from({ length: count }, () => [`c${names++}`, 'now']));

function toldBy({ status, headers, body }: PostAnswer): Told {
  if (status !== 429) return { allowed: status < 300 };
  return { allowed: false, retryAfterMs: Number(body.retryAfterMs), headers };
}

/** Commands of one WebSocket that has connected. */
function bySocket(fields: () => object, ...answers: string[]): LimitedBy['begin'] {
  return async (node) => {
    const client = new SocketClient(node.url);
    client.connect(node.ticket());
    await client.events.nextOf('connected');
    const attempt = async (): Promise<Told> => {
      client.command(fields());
      const { type, code, retryAfterMs } = await client.events.nextOf('error', ...answers);
      const isRefused = type === 'error' && code === 'rate_limited';
      return isRefused ? { allowed: false, retryAfterMs: Number(retryAfterMs) } : { allowed: true };
    };
    return { attempt, close: () => client.close() };
  };
}

function byPost(path: string, body: () => object, bearer?: string): LimitedBy['begin'] {
  return async (node) => {
    const ticket = bearer ?? node.ticket();
    const attempt = async () => toldBy(await post(`${node.url}${path}`, body(), { ticket }));
    return { attempt, close: () => undefined };
  };
}

function byStream(channels: () => Readonly<Record<string, string>>): LimitedBy['begin'] {
  return async (node) => {
    const ticket = node.ticket();
    const attempt = async (): Promise<Told> => {
      const stream = openStream({ url: node.url, ticket }, channels());
      const { type, retryAfterMs } = await stream.events.nextOf('connected', 'refused');
      stream.close();
      return type === 'connected' ? { allowed: true } : { allowed: false, retryAfterMs: Number(retryAfterMs) };
    };
    return { attempt, close: () => undefined };
  };
}

/** A channel by its URL. */
const byResource: LimitedBy['begin'] = async (node) => {
  const ticket = node.ticket();
  const attempt = async (): Promise<Told> => {
    const { status, headers, text } = await get(node.url, '/v1/channels/news?offset=-1', { ticket });
    if (status !== 429) return { allowed: status === 200 };
    return { allowed: false, retryAfterMs: Number(JSON.parse(text).retryAfterMs), headers };
  };
  return { attempt, close: () => undefined };
};

/** A new WebSocket each time. */
const byUpgrade: LimitedBy['begin'] = async (node) => {
  const attempt = async (): Promise<Told> => {
    const client = new SocketClient(node.url);
    client.connect(node.ticket());
    const { type, retryAfterMs } = await client.events.nextOf('connected', 'error');
    if (type === 'connected') client.close();
    else if ((await client.events.nextOf('closed')).code !== 4004) throw new Error('a refused socket stayed');
    return type === 'connected' ? { allowed: true } : { allowed: false, retryAfterMs: Number(retryAfterMs) };
  };
  return { attempt, close: () => undefined };
};

const poll = (channels: () => object) => byPost('/v1/poll', () => ({ channels: channels(), waitMs: 0 }));
const ten = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`ten${n}`, 'now']));
const message = () => ({ channel: 'news', data: 1 });
const publish = (bearer?: string) => byPost('/v1/publish', message, bearer);
const publishes = bySocket(() => ({ type: 'publish', ...message() }), 'published');
const commands = bySocket(() => ({ type: 'unsubscribe', channels: ['x'] }));
const subscribes = bySocket(() => ({ type: 'subscribe', channels: fresh(1) }), 'subscribed');

const of = (
  name: LimitedBy['name'],
  by: LimitSubject,
  transports: Readonly<Record<string, LimitedBy['begin']>>,
  spentBefore = 0,
): LimitedBy[] => Object.entries(transports).map(([transport, begin]) => ({ name, by, transport, spentBefore, begin }));

/** Every limit of a node, by each transport that it counts, and each subject once. */
export const LIMITED: readonly LimitedBy[] = [
  // What connects is a command.
  ...of('commands', 'link', { websocket: commands }, 1),
  ...of('commands', 'ticket', { websocket: commands }, 1),
  ...of('commands', 'user', { websocket: commands }, 1),
  ...of('publishes', 'user', { websocket: publishes, http: publish() }),
  ...of('publishes', 'ticket', { websocket: publishes, http: publish() }),
  ...of('publishes', 'channel', { websocket: publishes, http: publish() }),
  ...of('polls', 'ticket', { poll: poll(() => ten), stream: byStream(() => ten) }),
  ...of('polls', 'user', { poll: poll(() => ten), stream: byStream(() => ten) }),
  ...of('polls', 'address', { poll: poll(() => ten), stream: byStream(() => ten) }),
  ...of('openings', 'ticket', {
    websocket: subscribes,
    poll: poll(() => fresh(1)),
    stream: byStream(() => fresh(1)),
  }),
  ...of('openings', 'address', {
    websocket: subscribes,
    poll: poll(() => fresh(1)),
    stream: byStream(() => fresh(1)),
  }),
  ...of('publishKey', 'publishKey', { http: publish(PUBLISH_KEY) }),
  ...of('channel', 'channel', { websocket: publishes, http: publish(), backend: publish(PUBLISH_KEY) }),
  ...of('addresses', 'address', {
    upgrade: byUpgrade,
    poll: poll(() => ten),
    stream: byStream(() => ten),
    http: publish(),
    resource: byResource,
  }),
];
