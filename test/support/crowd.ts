// Many steady clients spread over the nodes and transports of a cluster, and what is asked of them together.

import { expect } from 'vitest';
import type { Cluster } from './cluster.js';
import { FEEDS } from './feed.js';
import type { Publisher } from './load.js';
import { SteadyClient } from './steady-client.js';

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
