// The test server's WebSockets.

import type { Begin } from '../../src/protocol/index.js';
import type { WebSocketConstructor, WebSocketLike } from '../types.js';
import { beginIn } from './log.js';
import type { Publication } from './publication.js';
import type { Server, Way } from './server.js';

type Fields = Record<string, unknown> & { readonly id?: number };

interface Socket extends Way {
  command(fields: Fields): void;
}

export function createWebSocket(server: Server): WebSocketConstructor {
  return class implements WebSocketLike {
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;
    onerror: ((event: never) => void) | null = null;
    readonly #socket = openSocket(server, this);

    send(data: string) {
      this.#socket.command(JSON.parse(data));
    }

    close() {
      server.leave(this.#socket);
    }
  };
}

function openSocket(server: Server, client: WebSocketLike): Socket {
  const down = server.line();
  const up = server.line();
  const isOpen = () => server.ways.has(socket);
  const end = (code: number, reason = '') => {
    server.leave(socket);
    client.onclose?.({ code, reason } as never);
  };
  const socket: Socket = {
    channels: new Map(),
    hear: (event) => down(() => isOpen() && client.onmessage?.({ data: JSON.stringify(event) } as never)),
    lose: () => end(1006),
    end,
    command: (fields) => up(() => isOpen() && answer(server, socket, fields)),
  };
  server.ways.add(socket);
  down(() => {
    if (server.blocked.has('websocket')) end(1006);
    else if (isOpen()) client.onopen?.({} as never);
  });
  return socket;
}

function answer(server: Server, way: Way, { type, id = 0, channels = {}, ...fields }: Fields): void {
  if (type === 'connect') server.welcome(way, { id }, fields.token as string | undefined);
  else if (type === 'ping') way.hear({ type: 'pong', id });
  else if (type === 'refresh') way.hear({ type: 'refreshed', id, expiresInMs: 600_000 });
  else if (type === 'publish') {
    const publication = fields as object as Publication;
    const { channel } = publication;
    const [, code] = server.refusalOf(publication, way.connection) ?? [];
    if (code) way.hear({ type: 'error', id, channel, code, message: 'not here' });
    else way.hear({ type: 'published', id, channel, offset: server.store(publication, way.connection) });
  } else if (type === 'unsubscribe') {
    for (const channel of channels as string[]) {
      way.channels.delete(channel);
      way.hear({ type: 'unsubscribed', id, channel });
    }
  } else if (type === 'subscribe') {
    for (const [channel, begin] of Object.entries(channels as Record<string, Begin>)) {
      server.attach(way, channel, beginIn(begin), id);
    }
  } else way.hear({ type: 'error', id, code: 'unknown_type', message: `no command: ${String(type)}` });
}
