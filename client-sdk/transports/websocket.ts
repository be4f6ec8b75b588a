// The `websocket` transport: commands and events over one socket.

import { decodeEvent } from '../../src/protocol/decode-event.js';
import type { ErrorEvent, PATHS, PROTOCOL_VERSION, ServerEvent } from '../../src/protocol/index.js';
import { CLOSE_REFUSED, closeFor, createFailure, type Failure, isFinal } from '../errors.js';
import type { Link, LinkHost, Outgoing, Wanted } from '../link.js';
import { createTimers } from '../timers.js';

const PATH: (typeof PATHS)['websocket'] = '/v1/ws';
const VERSION: typeof PROTOCOL_VERSION = 1;
/** Delay before a subscribe that was refused for now is repeated, on top of what the node asks for. */
const RESUBSCRIBE_MS = 1_000;

export function websocket(host: LinkHost): Link {
  const { channels, settings } = host;
  const timers = createTimers(settings.clock);
  /** What the node was asked for, and by which command. */
  const asked = new Map<string, { readonly channel: Wanted; readonly id: number }>();
  const publishing = new Map<unknown, Outgoing>();
  const socket = new settings.WebSocket(host.url.replace(/^http/, 'ws') + PATH);
  /** The last command; 0 before the socket is open. */
  let id = 0;
  /** 0 before `connected`. */
  let maxFrameBytes = 0;
  let lastError: Failure | undefined;

  const send = (type: string, fields: object) => {
    socket.send(JSON.stringify({ type, id: ++id, ...fields }));
  };

  const sync = () => {
    if (!id) return;
    const gone = [...asked.keys()].filter((name) => channels.get(name) !== asked.get(name)?.channel);
    for (const name of gone) asked.delete(name);
    if (gone[0]) send('unsubscribe', { channels: gone });
    const fresh = [...channels.values()].filter(({ name }) => !asked.has(name));
    if (fresh[0]) send('subscribe', { channels: Object.fromEntries(fresh.map((c) => [c.name, c.position])) });
    for (const channel of fresh) asked.set(channel.name, { channel, id });
  };

  const answered = (command: unknown) => {
    const outgoing = publishing.get(command);
    publishing.delete(command);
    return outgoing;
  };

  const refused = (event: ErrorEvent) => {
    const failure = createFailure(closeFor(event.code), event.code, event.message, event);
    lastError = failure;
    answered(event.id)?.fail(failure);
    // Before `connected` it is the connect that was refused: a close follows.
    if (!maxFrameBytes) return;
    for (const [name, command] of asked) {
      if (command.id !== event.id || (event.channel ?? name) !== name) continue;
      asked.delete(name);
      if (isFinal(failure)) host.refuse(name, failure);
      else timers.set(0, RESUBSCRIBE_MS + (failure.retryAfterMs ?? 0), sync);
    }
  };

  const take = (event: ServerEvent) => {
    switch (event.type) {
      case 'connected':
        maxFrameBytes = event.limits.maxFrameBytes;
        return host.connected('websocket', event.heartbeatMs);
      case 'published':
        return answered(event.id)?.done(event.offset);
      case 'error':
        return refused(event);
      case 'subscribed':
        // The answer to a subscribe that was since taken back says nothing about the newer one.
        if (event.id !== asked.get(event.channel)?.id) return;
    }
    host.receive(event);
  };

  const close = () => {
    timers.clearAll();
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
    host.lost(
      createFailure(code, reason || lastError?.code || 'network', reason, { retryAfterMs: lastError?.retryAfterMs }),
    );
  };
  // The close that follows says all there is to know; `ws` throws without a listener.
  socket.onerror = () => {};

  return {
    sync,
    close,
    publish(outgoing) {
      if (outgoing.body.length > maxFrameBytes) {
        outgoing.fail(createFailure(CLOSE_REFUSED, 'payload_too_large'));
      } else {
        publishing.set(++id, outgoing);
        socket.send(`{"type":"publish","id":${id},${outgoing.body.slice(1)}`);
      }
    },
    refresh() {
      send('refresh', { token: host.session.ticket() });
    },
  };
}
