// One raw TCP link of a client. All links of a process read into one buffer, so that ten thousand of them stay cheap.

import { connect, type Socket } from 'node:net';

/** What a transport's client looks like to its worker. */
export interface LoadClient {
  /** Bytes sent so far. */
  bytesOut(): number;
  close(): void;
}

/** What is spoken to a server: each has ways of its own to subscribe. */
export const DIALECTS = ['fanfare', 'bare', 'socketio', 'nchan', 'nats'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** How a link reads once it is subscribed. */
export const BAD_READERS = ['never', 'stops', 'trickles'] as const;
export type Reading = (typeof BAD_READERS)[number] | 'all';

/** What a client is made of. */
export interface ClientParts {
  readonly host: string;
  readonly port: number;
  /** Number of the client in the run. */
  readonly number: number;
  /** Its place in the tally. */
  readonly place: number;
  readonly channel: string;
  /** Absent: `channel`, from now on. */
  readonly positions?: Readonly<Record<string, string>> | undefined;
  /** Absent: the server is the bare one. */
  readonly token: string | undefined;
  /** Asks for the messages of one tick in one frame. */
  readonly joins?: boolean;
  /** Absent: all that comes. Whoever opens the client may change it. */
  readonly reading?: { how: Reading };
  /** Called once, when the client is subscribed. */
  readonly onReady: () => void;
  /** Called at most once, when the link ends before `close`. */
  readonly onEnd: (reason: string) => void;
}

export interface Link {
  write(bytes: Buffer | string): void;
  bytesOut(): number;
  /** Ends it and tells `onEnd` why. */
  fail(reason: string): void;
  /** Ends it silently. */
  close(): void;
}

const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
const SOURCE_ADDRESSES = 64;
/** How long who stops reads on, and how long who trickles waits. */
const SLOW_MS = 1_000;

/**
 * Opens a link. `onBytes` sees what came, preceded by what it left over the time before: it returns how many bytes it
 * has used. The bytes are only valid during the call.
 */
export function openLink(parts: ClientParts, onOpen: () => void, onBytes: (bytes: Buffer) => number): Link {
  let rest: Buffer | undefined;
  let ended = false;
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    socket.destroy();
    parts.onEnd(reason);
  };
  const socket: Socket = connect({
    host: parts.host,
    port: parts.port,
    // Spread over 127.0.0.2 and up: the ports of one address would run out under repeated connection storms, and a node bounds
    // what one address opens at once.
    ...(parts.host === '127.0.0.1' ? { localAddress: `127.0.0.${2 + (parts.number % SOURCE_ADDRESSES)}` } : {}),
    noDelay: true,
    onread: {
      buffer: READ_BUFFER,
      callback: (length) => {
        if (ended) return false;
        const fresh = READ_BUFFER.subarray(0, length);
        const bytes = rest === undefined ? fresh : Buffer.concat([rest, fresh]);
        const used = onBytes(bytes);
        rest = used === bytes.length ? undefined : Buffer.from(bytes.subarray(used));
        return goesOn();
      },
    },
  });
  let badSinceMs: number | undefined;
  let nextRead: NodeJS.Timeout | undefined;
  /** Whether it reads on; what is not read piles up at the server. */
  function goesOn(): boolean {
    const how = parts.reading?.how ?? 'all';
    if (how === 'all') return true;
    badSinceMs ??= performance.now();
    if (how === 'stops') return performance.now() - badSinceMs < SLOW_MS;
    if (how === 'trickles') nextRead = setTimeout(() => socket.resume(), SLOW_MS);
    return false;
  }
  socket.once('close', () => clearTimeout(nextRead));
  socket.once('connect', onOpen);
  socket.on('error', (error) => end(error.message));
  socket.once('close', () => end('the server closed the link'));
  return {
    write: (bytes) => void socket.write(bytes),
    bytesOut: () => socket.bytesWritten,
    fail: end,
    close: () => {
      ended = true;
      socket.destroy();
    },
  };
}
