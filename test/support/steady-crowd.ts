// Many steady clients spread over the nodes and transports of a cluster, and what is asked of them together.

import { expect } from 'vitest';
import type { Cluster } from './cluster.js';
import { FEEDS } from './feed.js';
import type { Publisher } from './load.js';
import type { RedisServer } from './redis.js';
import { type Heard, SteadyClient } from './steady-client.js';

export const TRANSPORTS: readonly string[] = Object.keys(FEEDS);

/** Client number n reads `channelsOf(n)` from the start of history. All share a few tickets: discovery is not the subject. */
export async function openCrowd(
  cluster: Cluster,
  count: number,
  channelsOf: (n: number) => readonly string[],
): Promise<SteadyClient[]> {
  const nodes = [...cluster.nodes.values()];
  const clients: SteadyClient[] = [];
  for (let n = 0; n < count; n++) {
    const transport = TRANSPORTS[n % TRANSPORTS.length] ?? '';
    const node = nodes[Math.floor(n / TRANSPORTS.length) % nodes.length];
    // A ticket is one connection's: limits are counted by it.
    const ticket = await cluster.ticket(`reader-${n}`);
    clients.push(new SteadyClient(transport, { url: node?.url ?? '', ticket }, channelsOf(n)));
  }
  return clients;
}

/** Resolves when each client has heard all that is acknowledged by now. */
export async function caughtUp(
  clients: readonly SteadyClient[],
  publishers: readonly Publisher[],
  timeoutMs: number,
): Promise<void> {
  const last = new Map(publishers.map(({ channel, acknowledged }) => [channel, acknowledged.at(-1)?.offset ?? '']));
  const behind = () =>
    clients.flatMap(({ transport, heard }) =>
      [...heard]
        .filter(([channel, messages]) => (messages.at(-1)?.offset ?? '') < (last.get(channel) ?? ''))
        .map(([channel, messages]) => `${transport} ${channel}: ${messages.length} messages`),
    );
  await expect.poll(behind, { timeout: timeoutMs, interval: 50 }).toEqual([]);
}

/** Each client heard all that was acknowledged on its channels: once, in order, without a gap, on a link that stayed. */
export function expectEverything(clients: readonly SteadyClient[], publishers: readonly Publisher[]): void {
  const logs = new Map(publishers.map(({ channel, acknowledged }) => [channel, acknowledged]));
  for (const { transport, heard, gaps, closes } of clients) {
    expect({ transport, gaps, closes }).toEqual({ transport, gaps: [], closes: [] });
    for (const [channel, messages] of heard) expect(messages, `${transport} ${channel}`).toEqual(logs.get(channel));
  }
}

/** The offsets that a master still holds of a channel. */
export async function heldBy({ admin }: RedisServer, channel: string): Promise<ReadonlySet<string>> {
  const entries = await admin.xrange(`fanfare:{${channel}}:log`, '-', '+');
  return new Set(
    entries.map(([id]) => {
      const [ms = '', seq = ''] = id.split('-');
      return `${ms.padStart(13, '0')}-${seq.padStart(16, '0')}`;
    }),
  );
}

/** Each client heard all that is still held: once, in order; and where anything else is missing, it was told a gap. */
export function expectAllHeld(
  clients: readonly SteadyClient[],
  { channel, acknowledged }: Publisher,
  held: ReadonlySet<string>,
): void {
  const kept = acknowledged.filter(({ offset }) => held.has(offset));
  for (const { transport, heard, gaps, closes } of clients) {
    const got = heard.get(channel) ?? [];
    const who = `${transport} ${channel}`;
    expect(closes, who).toEqual([]);
    expect(new Set(got.map(({ offset }) => offset)).size, who).toBe(got.length);
    expect(isPartOf(kept, got), who).toBe(true);
    if (gaps.some((gap) => gap.channel === channel)) continue;
    expect(got, who).toEqual(acknowledged);
  }
}

/** Whether `part` stands in `whole` in the same order, each once. */
function isPartOf(part: readonly Heard[], whole: readonly Heard[]): boolean {
  let at = -1;
  for (const { offset } of part) {
    const next = whole.findIndex((message, index) => index > at && message.offset === offset);
    if (next === -1) return false;
    at = next;
  }
  return true;
}
