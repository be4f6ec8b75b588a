// More handles of one listening socket: Node accepts one connection for each of them in a turn of its event loop.

import { type SendHandle, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { after } from '../../../lib/timers.js';

/** Chosen: a process that starts up takes some 50 ms; on a machine that is too busy for that, one handle has to do. */
const TIMEOUT_MS = 5_000;
/**
 * What is sent between processes arrives as a handle of its own, and nothing else in Node 20 makes a second one: this is a process
 * that sends the listening socket back so many times, without listening itself.
 */
const MIRROR = `process.on('message', (count, socket) => {
  let left = count;
  for (let n = 0; n < count; n++) process.send(n, socket, { keepOpen: true }, () => { if (--left === 0) process.disconnect(); });
});`;

/** What a server listens with. */
interface Listening {
  readonly _handle?: unknown;
}

/**
 * `count` more servers that accept what comes to `server`'s socket, for whoever is handed the `accepted`; fewer where they cannot be
 * had. Close each of them with `server`.
 */
export async function moreAcceptors(
  server: Server,
  count: number,
  backlog: number,
  accepted: (socket: Socket) => void,
): Promise<readonly Server[]> {
  const { _handle: handle } = server as Listening;
  const acceptors: Server[] = [];
  if (count === 0 || process.platform === 'win32') return acceptors;
  const mirror = spawn(process.execPath, ['-e', MIRROR], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: {} });
  mirror.on('message', (_, mirrored: unknown) => {
    const acceptor = createServer({ noDelay: true }, accepted);
    acceptor.on('error', () => acceptor.close());
    acceptor.listen({ _handle: mirrored }, backlog);
    acceptors.push(acceptor);
  });
  const late = after(TIMEOUT_MS, () => mirror.kill('SIGKILL'));
  try {
    await new Promise<void>((resolve, reject) => {
      mirror.once('error', reject);
      mirror.once('close', () => resolve());
      mirror.send(count, handle as SendHandle, (error) => error && reject(error));
    });
  } catch {
    mirror.kill('SIGKILL');
  } finally {
    clearTimeout(late);
  }
  return acceptors;
}
