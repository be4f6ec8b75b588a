// Finds out why a TLS connection is closed, where the client's own words hide it.

import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { after } from '../../lib/timers.js';
import type { RedisTarget } from './url.js';

/** Chosen: of a start that waits 10 s for Redis. */
const WITHIN_MS = 3_000;
/** Chosen: a refusal comes as soon as the server has read the end of the handshake. */
const REFUSED_WITHIN_MS = 500;
const PING = 'PING\r\n';

/** The reason that one of the servers of `target` gives; `undefined` where TLS is not spoken, or nothing is wrong with it. */
export async function tlsReason({ nodes, options }: RedisTarget): Promise<string | undefined> {
  if (options.tls === undefined) return undefined;
  for (const { host, port } of nodes) {
    const reason = await reasonAt(host, port, options.tls);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** Never rejects. */
function reasonAt(host: string, port: number, tls: object): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...tls, host, port, ...(isIP(host) === 0 && { servername: host }) });
    const late = after(WITHIN_MS, () => end(undefined));
    let asking: NodeJS.Timeout | undefined;
    const end = (reason: string | undefined) => {
      clearTimeout(late);
      clearTimeout(asking);
      socket.destroy();
      resolve(reason);
    };
    socket.once('error', (error: Error & { code?: string }) => end(plain(error)));
    // A certificate that the server asks for and does not get is refused after the handshake. What is written to a server that has
    // closed meanwhile resets the connection, and its word is gone.
    socket.once('secureConnect', () => {
      asking = after(REFUSED_WITHIN_MS, () => socket.write(PING));
    });
    socket.once('data', () => end(undefined));
    socket.once('end', () => end('the server ends the TLS connection'));
  });
}

/** OpenSSL's words have places in its source, and line breaks. */
function plain(error: Error & { readonly code?: string; readonly reason?: string }): string {
  const { code = '', message } = error;
  const words = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message.replaceAll(/\s+/g, ' ').trim();
  return code === '' || words.includes(code) ? words : `${words} (${code})`;
}
