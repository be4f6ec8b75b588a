// `fanfare subscribe`: prints the messages of channels as they arrive, one JSON line each.

import type { Command } from 'commander';
import type { Client, Subscription } from '../../../client-sdk/node.js';
import { ConfigError, shown } from '../../config/config-problem.js';
import { readWholeNumber } from '../../config/value-types.js';
import { type After, isAfter } from '../../protocol/index.js';
import { addClientFlags, ClientEnded, type ClientFlags, clientFor, clientTerms, explained } from '../client-flags.js';

interface SubscribeFlags extends ClientFlags {
  readonly after: string;
  readonly count?: string;
}

/** Adds the command. Messages go to standard output, gaps and states to standard error. */
export function addCommand(program: Command): void {
  const command = program
    .command('subscribe')
    .description('print the messages of channels as they arrive')
    .argument('<channel...>')
    .option('--after <offset>', 'where to begin: an offset, -1 for all of history, now', 'now')
    .option('--count <n>', 'end after so many messages');
  addClientFlags(command).action((channels: string[], flags: SubscribeFlags) => subscribe(channels, flags));
}

async function subscribe(channels: readonly string[], flags: SubscribeFlags): Promise<void> {
  const after = afterOf(flags.after);
  const count = countOf(flags.count);
  const terms = await clientTerms(flags, channels, 'subscribe');
  const { client, ended } = clientFor(terms, flags);
  const stop = () => client.close();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  client.on('state', (state) => tell(state));
  try {
    await Promise.race([printed(client, channels, after, count), ended]);
  } catch (error) {
    throw explained(error, terms);
  } finally {
    client.close();
  }
}

/** Resolves when `count` messages have been printed or the client was closed by a signal. */
function printed(client: Client, channels: readonly string[], after: After, count: number): Promise<void> {
  let left = count;
  return new Promise((resolve, reject) => {
    client.on('state', (state) => {
      if (state.type === 'closed' && state.code === 1000) resolve();
    });
    for (const channel of channels) {
      const subscription = client.subscribe(channel, { after });
      subscription.on('message', ({ offset, data, from }) => {
        if (left <= 0) return;
        console.log(JSON.stringify({ channel, offset, data, from }));
        left -= 1;
        if (left === 0) resolve();
      });
      watch(subscription, reject);
    }
  });
}

function watch(subscription: Subscription, reject: (error: Error) => void): void {
  const { channel } = subscription;
  subscription.on('gap', (gap) => tell(gap));
  subscription.on('state', (state) => {
    tell({ channel, ...state });
    const refused = state.type === 'closed' && !['closed', 'unsubscribed'].includes(state.code);
    if (refused) reject(new ClientEnded(state.code, `the subscription to ${channel} ended`));
  });
}

function tell(event: object): void {
  process.stderr.write(`${JSON.stringify(event)}\n`);
}

function afterOf(value: string): After {
  if (isAfter(value)) return value;
  const message = `got ${shown(value)}, expected an offset, -1 or now`;
  throw new ConfigError([{ option: 'after', source: 'flag --after', message }]);
}

function countOf(value: string | undefined): number {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const reading = readWholeNumber(value, 1, 1_000_000_000);
  if ('value' in reading) return reading.value;
  const message = `got ${shown(value)}, expected ${reading.expected}`;
  throw new ConfigError([{ option: 'count', source: 'flag --count', message }]);
}
