// A client of a chaos run that uses the SDK, as an application does.

import { createClient } from '../../client-sdk/node.js';
import type { Subscription, Transport } from '../../client-sdk/types.js';
import { signToken } from '../../src/auth/token-signer.js';
import type { Noted } from './history-writer.js';
import { carriedValue } from './message-value.js';

const TOKEN_LIFETIME_MS = 4 * 3_600_000;
const POLL_INTERVAL_MS = 1_000;

export interface ClientPlan {
  readonly id: string;
  readonly transport: Transport;
  readonly channels: readonly string[];
  /** Speaks the contract by itself, without the SDK that drops what comes twice. */
  readonly isBare: boolean;
}

export interface ClientTarget {
  readonly discoveryUrl: string;
  readonly secret: string;
  note(event: Noted): void;
  /** A message came. */
  heard(transport: string, value: string): void;
}

export interface ChaosClient {
  readonly id: string;
  readonly isConnected: boolean;
  /** For people. */
  readonly state: string;
  /** Channel and position. */
  positions(): Iterable<readonly [string, string]>;
  close(): void;
}

export function userToken({ secret }: ClientTarget, user: string, channels: readonly string[]): Promise<string> {
  return signToken({ secret, subject: user, grants: { subscribe: channels }, lifetimeMs: TOKEN_LIFETIME_MS });
}

export async function openSdkClient(plan: ClientPlan, target: ClientTarget): Promise<ChaosClient> {
  const { id, transport, channels } = plan;
  const { note } = target;
  const client = createClient({
    url: target.discoveryUrl,
    token: await userToken(target, id, channels),
    transports: [transport],
    pollIntervalMs: POLL_INTERVAL_MS,
  });
  client.on('state', (state) => {
    const where = state.type === 'connected' ? { transport: state.transport, node: state.node } : {};
    note({ kind: 'info', f: 'state', client: id, state: state.type, ...where });
  });
  const subscriptions = channels.map((channel): Subscription => {
    note({ kind: 'invoke', f: 'subscribe', client: id, channel, offset: '-1' });
    const subscription = client.subscribe(channel, { after: '-1' }, ({ offset = '', data }) => {
      const value = carriedValue(data);
      note({ kind: 'ok', f: 'deliver', client: id, channel, offset, value });
      target.heard(transport, value);
    });
    subscription.on('gap', ({ after, offset, reason }) => {
      note({ kind: 'ok', f: 'gap', client: id, channel, after, offset, reason });
    });
    return subscription;
  });
  return {
    id,
    get isConnected() {
      return client.state.type === 'connected' && subscriptions.every(({ state }) => state.type === 'subscribed');
    },
    get state() {
      return JSON.stringify(client.state);
    },
    positions: () => subscriptions.map(({ channel, offset }): [string, string] => [channel, offset]),
    close: () => client.close(),
  };
}
