// The `websocket` transport: commands and events over one socket.

import { decodeEvent } from '../../src/protocol/decode-event.js';
import type { PATHS, PROTOCOL_VERSION, ServerEvent } from '../../src/protocol/index.js';
import { CLOSE_REFUSED, closeFor, createEnd, createFailure } from '../errors.js';
import type { Link, LinkHost, Outgoing, Wanted } from '../link.js';

const PATH: (typeof PATHS)['websocket'] = '/v1/ws';
const VERSION: typeof PROTOCOL_VERSION = 1;
/** Publishes that may be on their way at once; a node takes 64 commands. */
const WINDOW = 16;

export function websocket(host: LinkHost): Link {
  const { channels, settings } = host;
  /** What the node was asked for, and by which command. */
  const asked = new Map<Wanted | undefined, number>();
  const publishing = new Map<unknown, Outgoing>();
  const socket = new settings.WebSocket(host.url.replace(/^http/, 'ws') + PATH);
  /** The last command; 0 before the socket is open. */
  let id = 0;
  /** 0 before `connected`. */
  let maxFrameBytes = 0;
  let retryAfterMs: number | undefined;

  const send = (type: string, fields: object) => socket.send(JSON.stringify({ type, id: ++id, ...fields }));

  const sync = () => {
    if (!id) return;
    const gone = [...asked.keys()].flatMap((channel) => {
      if (!channel || channels.get(channel.name) === channel) return [];
      asked.delete(channel);
      return channel.name;
    });
    if (gone[0]) send('unsubscribe', { channels: gone });
    const fresh = [...channels.values()].filter((channel) => !asked.has(channel));
    if (fresh[0]) send('subscribe', { channels: Object.fromEntries(fresh.map((c) => [c.name, c.position])) });
    for (const channel of fresh) asked.set(channel, id);
  };

  const take = (event: ServerEvent) => {
    const outgoing = publishing.get((event as { id?: number }).id);
    switch (event.type) {
      case 'connected':
        maxFrameBytes = event.limits.maxFrameBytes;
        return host.connected('websocket', event.heartbeatMs);
      case 'published':
        publishing.delete(event.id);
        return outgoing?.done(event.offset);
      case 'error': {
        const failure = createFailure(closeFor(event.code), event.code, event.message, event);
        retryAfterMs = event.retryAfterMs;
        publishing.delete(event.id);
        outgoing?.fail(failure);
        for (const [channel, command] of asked) {
          // Before `connected` it is the connect that was refused: a close follows.
          if (!maxFrameBytes || command !== event.id || !channel) continue;
          if ((event.channel ?? channel.name) !== channel.name) continue;
          asked.delete(channel);
          host.refuse(channel.name, failure);
        }
        return;
      }
      case 'subscribed':
        // The answer to a subscribe that was since taken back says nothing about the newer one.
        if (event.id !== asked.get(channels.get(event.channel))) return;
    }
    host.receive(event);
  };

  const close = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  };

  socket.onopen = () => {
    // Subscribing does not wait for `connected`: one round trip less.
    send('connect', { version: VERSION, token: host.session.ticket(), agent: settings.agent });
    sync();
  };
  socket.onmessage = ({ data }: { data: string }) => {
    host.touch();
    const event = decodeEvent(data);
    if (event) take(event);
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
    close();
    host.lost(createEnd(code, reason, retryAfterMs));
  };
  // The close that follows says all there is to know; `ws` throws without a listener.
  socket.onerror = () => {};

  return {
    sync,
    close,
    publish(outgoing) {
      if (publishing.size >= WINDOW) return false;
      const frame = `{"type":"publish","id":${++id},${outgoing.body.slice(1)}`;
      if (new TextEncoder().encode(frame).length > maxFrameBytes) {
        // Sent, it would end the link for good.
        outgoing.fail(createFailure(CLOSE_REFUSED, 'payload_too_large'));
      } else {
        publishing.set(id, outgoing);
        socket.send(frame);
      }
      return true;
    },
    refresh() {
      send('refresh', { token: host.session.ticket() });
    },
  };
}
