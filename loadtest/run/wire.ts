// What went over the server's TCP links, headers included, as the kernel counts it for each link.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** An IPv4 header and a TCP header with its timestamp, without the link layer's. */
const HEADERS_BYTES = 52;

/** By the client's end of a link: what the server sent and received over it so far. */
export type WireCounts = ReadonlyMap<string, { readonly bytes: number; readonly segments: number }>;

/** Bytes and segments of a window, both directions together. */
export interface Wire {
  readonly bytes: number;
  readonly segments: number;
}

/** `undefined`: this machine cannot tell. The publisher's links, which come from 127.0.0.1 itself, do not count. */
export async function readWire(port: number): Promise<WireCounts | undefined> {
  try {
    const filter = ['-tinHO', 'state', 'established', `( sport = :${port} )`];
    return parseWire((await promisify(execFile)('ss', filter, { maxBuffer: 256 * 1024 * 1024 })).stdout);
  } catch {
    return undefined; // no `ss` here
  }
}

export function parseWire(text: string): WireCounts {
  const counts = new Map<string, { bytes: number; segments: number }>();
  for (const line of text.split('\n')) {
    const [, , , peer = ''] = line.trim().split(/\s+/);
    if (peer === '' || peer.startsWith('127.0.0.1:')) continue;
    const count = (name: string): number => Number(new RegExp(`\\b${name}:(\\d+)`).exec(line)?.[1] ?? 0);
    counts.set(peer, {
      bytes: count('bytes_sent') + count('bytes_received'),
      segments: count('segs_out') + count('segs_in'),
    });
  }
  return counts;
}

/** `undefined` when a link that was there has gone: nobody knows what it had sent until then. */
export function wireBetween(before: WireCounts | undefined, after: WireCounts | undefined): Wire | undefined {
  if (before === undefined || after === undefined || before.size === 0) return undefined;
  if ([...before.keys()].some((peer) => !after.has(peer))) return undefined;
  let bytes = 0;
  let segments = 0;
  for (const [peer, now] of after) {
    bytes += now.bytes - (before.get(peer)?.bytes ?? 0);
    segments += now.segments - (before.get(peer)?.segments ?? 0);
  }
  return { bytes: bytes + segments * HEADERS_BYTES, segments };
}
