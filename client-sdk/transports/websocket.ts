// The `websocket` transport: commands and events over one socket.

import { decodeEvents } from '../../src/protocol/decode-event.js';
import type { Feature, PATHS, PROTOCOL_VERSION, ServerEvent } from '../../src/protocol/index.js';
import { createEnd, createFailure, createRefusal, type Failure, isFinal } from '../errors.js';
import type { Link, LinkHost, Outgoing, Wanted } from '../link.js';
import { CLOSE_REFUSED, PUBLISH_WINDOW, QUIET_MS } from '../numbers.js';
import { isHidden } from '../page.js';

/** Fields that some events have. */
type AnyEvent = ServerEvent & { readonly id?: number; readonly channel?: string; readonly offset?: string };

export const websocket = (host: LinkHost): Link => {
  const { channels, session } = host;
  /** What the node was asked for, and by which command. */
  const asked = new Map<Wanted, number>();
  const publishing = new Map<unknown, Outgoing>();
  const socket = new host.WebSocket(host.url.replace(/^http/, 'ws') + ('/v1/ws' satisfies (typeof PATHS)['websocket']));
  /** The last command; 0 before the socket is open. */
  let id = 0;
  /** 0 before `connected`. */
  let maxFrameBytes = 0;
  /** The node's own, where it can be asked for another; else 0. */
  let heartbeatMs = 0;
  let isQuiet = false;
  let retryAfterMs: number | undefined;

  const encode = (type: string, fields: object) => JSON.stringify({ type, id: ++id, ...fields });
  const send = (type: string, fields: object) => socket.send(encode(type, fields));

  const sync = () => {
    if (!id) return;
    const gone: string[] = [];
    for (const channel of asked.keys()) {
      if (channels.get(channel.name) === channel) continue;
      asked.delete(channel);
      gone.push(channel.name);
    }
    if (gone[0]) send('unsubscribe', { channels: gone });
    const fresh = [...channels.values()].filter((channel) => !asked.has(channel));
    if (fresh[0]) send('subscribe', { channels: Object.fromEntries(fresh.map((c) => [c.name, c.position])) });
    for (const channel of fresh) asked.set(channel, id);
  };

  const take = (event: AnyEvent) => {
    const { type, id, channel } = event;
    const outgoing = publishing.get(id);
    let failure: Failure | undefined;
    if (type === 'connected') {
      maxFrameBytes = event.limits.maxFrameBytes;
      if (event.features?.includes('quiet')) heartbeatMs = event.heartbeatMs;
      host.connected('websocket', event.heartbeatMs);
      quiet();
    } else if (type === 'quieted') host.connected('websocket', event.heartbeatMs);
    else if (type === 'error') {
      failure = createRefusal(event);
      retryAfterMs = event.retryAfterMs;
      let isAnswer: unknown = outgoing;
      for (const [wanted, command] of asked) {
        // Before `connected` it is the connect that was refused: a close follows.
        if (!maxFrameBytes || command !== id || (channel ?? wanted.name) !== wanted.name) continue;
        isAnswer = asked.delete(wanted);
        host.refuse(wanted.name, failure);
      }
      // What else is refused for now, such as an unsubscribe, would leave the node with another idea of what is wanted.
      if (!isAnswer && !isFinal(failure)) host.lost(failure);
    }
    if (outgoing) {
      publishing.delete(id);
      outgoing.done(failure, event.offset);
    } else if (type !== 'subscribed' || id === asked.get(channels.get(channel as string) as Wanted)) {
      // The answer to a subscribe that was since taken back says nothing about the newer one.
      host.receive(event);
    }
  };

  const quiet = () => {
    if (!heartbeatMs || isQuiet === isHidden()) return;
    isQuiet = !isQuiet;
    send('quiet', { heartbeatMs: isQuiet ? QUIET_MS : heartbeatMs });
  };

  const close = () => {
    socket.onmessage = socket.onclose = null;
    socket.close();
  };

  socket.onopen = () => {
    // Subscribing does not wait for `connected`: one round trip less.
    send('connect', {
      version: 1 satisfies typeof PROTOCOL_VERSION,
      token: session.ticket,
      features: ['ping', 'quiet', 'batch'] satisfies Feature[],
    });
    sync();
  };
  socket.onmessage = ({ data }: { data: string }) => {
    host.touch();
    for (const event of decodeEvents(data)) take(event);
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
    host.lost(createEnd(code, reason, retryAfterMs));
  // The close that follows says all there is to know; `ws` throws without a listener.
  socket.onerror = () => {};

  return {
    sync,
    close,
    publish(outgoing) {
      if (publishing.size >= PUBLISH_WINDOW) return false;
      const frame = encode('publish', outgoing.body);
      if (new Blob([frame]).size > maxFrameBytes) {
        // Sent, it would end the link for good.
        outgoing.done(createFailure(CLOSE_REFUSED, 'payload_too_large'));
      } else {
        publishing.set(id, outgoing);
        socket.send(frame);
      }
      return true;
    },
    refresh: () => send('refresh', { token: session.ticket }),
    // A node that does not know it says so, which is a sign of life too.
    probe: () => send('ping', {}),
    quiet,
  };
};
