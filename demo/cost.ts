// What each transport cost: how often something was asked for, and how many bytes of bodies and frames went either way.

import type { Transport } from '../client-sdk/types.js';
import { part, write } from './dom.js';

/** Something that went over the cable: bytes of bodies and frames, without headers. */
export interface Traffic {
  /** A request, or a socket that was opened. */
  readonly requests?: number;
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
}

const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'short-poll'] as const satisfies readonly Transport[];

export class Costs {
  readonly #totals = new Map<Transport, Required<Traffic>>();

  add(transport: Transport, { requests = 0, sentBytes = 0, receivedBytes = 0 }: Traffic): void {
    const before = this.#totals.get(transport) ?? { requests: 0, sentBytes: 0, receivedBytes: 0 };
    this.#totals.set(transport, {
      requests: before.requests + requests,
      sentBytes: before.sentBytes + sentBytes,
      receivedBytes: before.receivedBytes + receivedBytes,
    });
  }

  show(): void {
    for (const transport of TRANSPORTS) {
      const { requests = 0, sentBytes = 0, receivedBytes = 0 } = this.#totals.get(transport) ?? {};
      write(part(`requests-${transport}`, HTMLElement), String(requests));
      write(part(`sent-${transport}`, HTMLElement), formatBytes(sentBytes));
      write(part(`received-${transport}`, HTMLElement), formatBytes(receivedBytes));
    }
  }
}

/** `0 B`, `840 B`, `8.4 KB`, `84 KB`, `1.2 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 9_950) return `${(bytes / 1_000).toFixed(1)} KB`;
  if (bytes < 999_500) return `${Math.round(bytes / 1_000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const encoder = new TextEncoder();

/** Bytes of a text, or of what else a frame or a body may be. */
export function bytesOf(data: unknown): number {
  if (typeof data === 'string') return encoder.encode(data).length;
  return data instanceof ArrayBuffer ? data.byteLength : 0;
}

/** Tells `count` how long the body is, or the length of each piece as it is read where there is no end yet. */
export function countBody({ headers, body }: Response, count: (bytes: number) => void): void {
  const length = headers.get('content-length');
  if (length !== null) return count(Number(length));
  if (body === null) return;
  // Piped through something else it would not end as a response does that is aborted.
  const getReader = body.getReader.bind(body) as () => ReadableStreamDefaultReader<Uint8Array>;
  const countedReader = () => {
    const reader = getReader();
    const read = reader.read.bind(reader);
    reader.read = async () => {
      const piece = await read();
      count(piece.value?.byteLength ?? 0);
      return piece;
    };
    return reader;
  };
  Object.defineProperty(body, 'getReader', { value: countedReader });
}
