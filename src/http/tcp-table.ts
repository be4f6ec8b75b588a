// What the kernel says of a server's connections whose peers do not acknowledge; on Linux.

import { readFile } from 'node:fs/promises';
import { plainAddress } from './address.js';

/** A connection with bytes under way and a timer that waits for their acknowledgement. */
export interface StalledSocket {
  /** The peer's. */
  readonly address: string;
  readonly port: number;
  /** Written and not acknowledged. */
  readonly unacknowledgedBytes: number;
  /** Retransmissions, or probes of a closed window, that nobody has answered since the peer was last heard. */
  readonly attempts: number;
}

/** Of the connections to a port; `undefined` where the system does not tell. */
export async function stalledSockets(localPort: number): Promise<readonly StalledSocket[] | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map(tableOf));
  if (tables.every((table) => table === undefined)) return undefined;
  return tables.flatMap((table) => parseTable(table ?? '', localPort));
}

/** The established connections of a table of `/proc/net` whose retransmission or probe timer runs. */
export function parseTable(table: string, localPort: number): readonly StalledSocket[] {
  const port = localPort.toString(16).toUpperCase().padStart(4, '0');
  const hex = '[0-9A-F]{8}';
  // local, remote, state, tx:rx queues, timer:when, retransmissions, uid, probes
  const row = `:${port} (${hex}(?:[0-9A-F]{24})?):([0-9A-F]{4}) 01 (${hex}):${hex} 0[14]:${hex} (${hex}) +\\d+ +(\\d+) `;
  return [...table.matchAll(new RegExp(row, 'g'))].map(
    ([, address = '', peer = '', queue = '', resent = '', probes]) => ({
      address: addressOf(address),
      port: Number.parseInt(peer, 16),
      unacknowledgedBytes: Number.parseInt(queue, 16),
      attempts: Math.max(Number.parseInt(resent, 16), Number(probes)),
    }),
  );
}

async function tableOf(name: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/net/${name}`, 'latin1');
  } catch {
    // Not Linux, or without IPv6.
    return undefined;
  }
}

/** Words of 32 bits stand there as this machine's processor has them: the last byte first. */
function addressOf(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => `${bytes[2 * at]}${bytes[2 * at + 1]}`);
  return plainAddress(groups.join(':').toLowerCase());
}
