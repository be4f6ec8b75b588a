// What a suite for servers of the Durable Streams protocol needs of a node that serves its read path: who writes there publishes here.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestNode } from './push-node.js';

export interface StreamAdapter {
  readonly url: string;
  close(): Promise<void>;
}

/** Streams below `/v1/stream/` are channels of `node`. Reads are passed on with a ticket, otherwise as they are, and so are their answers. */
export async function startStreamAdapter(node: TestNode): Promise<StreamAdapter> {
  const server = createServer((incoming, outgoing) => {
    const [path = '', query] = (incoming.url ?? '').split('?', 2);
    const channel = `suite:${path.slice('/v1/stream/'.length).replaceAll('/', '.')}`;
    if (incoming.method === 'PUT' || incoming.method === 'POST') {
      write(node, channel, incoming, outgoing).catch(() => outgoing.destroy());
    } else pass(node.url, node.ticket(), channel, query, incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Each item of a JSON array is a message. */
async function write(node: TestNode, channel: string, incoming: IncomingMessage, outgoing: ServerResponse) {
  const body = await text(incoming);
  const isJson = incoming.headers['content-type']?.startsWith('application/json') === true;
  const value: unknown = isJson && body !== '' ? JSON.parse(body) : undefined;
  const items = isJson
    ? Array.isArray(value)
      ? value
      : value === undefined
        ? []
        : [value]
    : body === ''
      ? []
      : [body];
  let offset = '';
  for (const item of items) offset = await node.broker.publish({ channel, data: JSON.stringify(item) });
  if (offset === '') offset = (await node.broker.read(channel, 'now', { maxEntries: 1, maxBytes: 1 })).tail;
  outgoing.writeHead(incoming.method === 'PUT' ? 201 : 204, {
    'Content-Type': incoming.headers['content-type'] ?? 'application/json',
    'Stream-Next-Offset': offset,
  });
  outgoing.end();
}

function pass(
  base: string,
  ticket: string,
  channel: string,
  query: string | undefined,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { hostname, port } = new URL(base);
  const path = `/v1/channels/${channel}${query === undefined ? '' : `?${query}`}`;
  const { host: _, ...others } = incoming.headers;
  const headers = { ...others, authorization: `Bearer ${ticket}` };
  const sent = request({ host: hostname, port, path, method: incoming.method, headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    answer.pipe(outgoing);
  });
  sent.once('error', () => outgoing.destroy());
  outgoing.once('close', () => sent.destroy());
  incoming.pipe(sent);
}
