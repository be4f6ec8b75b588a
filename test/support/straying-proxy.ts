// A link between WebSocket clients and a server that loses some messages and brings others twice.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { scanFrames } from '../../loadtest/clients/frames.js';

export type Fate = 'pass' | 'lose' | 'repeat';

export interface StrayingProxy {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const HEAD_END = '\r\n\r\n';

/** Asks `fate` of every message, with its count over all links. */
export async function startStrayingProxy(
  target: { readonly host: string; readonly port: number },
  fate: (message: number) => Fate,
): Promise<StrayingProxy> {
  const sockets = new Set<Socket>();
  let messages = 0;
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on(
      'data',
      strayingFrom(client, (frame) => (frame.includes('{"type":"message"') ? fate(++messages) : 'pass')),
    );
  });
  const port = await listening(server);
  const close = (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { host: '127.0.0.1', port, close };
}

/** Passes on what comes, frame by frame once a link has been upgraded. */
function strayingFrom(client: Socket, fate: (frame: Buffer) => Fate): (chunk: Buffer) => void {
  let upgraded: boolean | undefined;
  let rest = Buffer.alloc(0);
  return (chunk) => {
    let bytes = Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    upgraded ??= bytes.toString('latin1', 0, 12) === 'HTTP/1.1 101';
    if (!upgraded) return void client.write(bytes);
    const headEnd = bytes.toString('latin1', 0, 4) === 'HTTP' ? bytes.indexOf(HEAD_END) + HEAD_END.length : 0;
    client.write(bytes.subarray(0, headEnd));
    bytes = bytes.subarray(headEnd);
    let from = 0;
    const used = scanFrames(bytes, (_, __, ___, end) => {
      const frame = bytes.subarray(from, end);
      from = end;
      const what = fate(frame);
      if (what !== 'lose') client.write(frame);
      if (what === 'repeat') client.write(frame);
    });
    rest = Buffer.from(bytes.subarray(used));
  };
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
}
