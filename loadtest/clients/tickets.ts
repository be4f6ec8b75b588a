// Exchanges users' tokens for tickets at discovery, as every real client does before it goes to a node.

import { type ConnectResponse, PATHS } from '../../src/protocol/index.js';

const AT_ONCE = 32;
const MAX_ATTEMPTS = 20;

/** A ticket, and the node where discovery has reserved a place for it. */
export interface Ticket {
  readonly ticket: string;
  readonly host: string;
  readonly port: number;
}

/** One ticket per token, in their order. Rejects when discovery refuses one for good. */
export async function fetchTickets(base: string, tokens: readonly string[]): Promise<readonly Ticket[]> {
  const tickets: Ticket[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < tokens.length; at = next++) tickets[at] = await fetchTicket(base, tokens[at] ?? '');
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tickets;
}

async function fetchTicket(base: string, token: string): Promise<Ticket> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${base}${PATHS.connect}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
    });
    if (response.ok) {
      const { ticket, node } = (await response.json()) as ConnectResponse;
      const { hostname, port } = new URL(node.url);
      return { ticket, host: hostname, port: Number(port) };
    }
    const problem = await response.text();
    if (response.status < 429 || attempt === MAX_ATTEMPTS) throw new Error(`discovery answered ${problem}`);
    const seconds = Number(response.headers.get('retry-after') ?? 1);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}
