// `fanfare subscribe`: prints the messages of channels as they arrive, one JSON line each.

import type { Command } from 'commander';
import type { Beginning, Client, Subscription } from '../../../client-sdk/node.js';
import { ConfigError, shown } from '../../config/config-problem.js';
import { readWholeNumber } from '../../config/value-types.js';
import { type After, CODES, type Code, isAfter, LIMITS } from '../../protocol/index.js';
import { ClientEnded } from '../client-ended.js';
import { addClientFlags, type ClientFlags, clientFor, clientTerms, explained } from '../client-flags.js';

interface SubscribeFlags extends ClientFlags {
  readonly after?: string;
  readonly last?: string;
  readonly count?: string;
}

/** Adds the command. Messages go to standard output, gaps and states to standard error. */
export function addCommand(program: Command): void {
  const command = program
    .command('subscribe')
    .description('print the messages of channels as they arrive')
    .argument('<channel...>')
    .option('--after <offset>', 'where to begin: an offset, -1 for all of history, now (default: now)')
    .option('--last <n>', `instead: with the last n messages, at most ${LIMITS.maxLastMessages}`)
    .option('--count <n>', 'end after so many messages');
  addClientFlags(command).action((channels: string[], flags: SubscribeFlags) => subscribe(channels, flags));
}

async function subscribe(channels: readonly string[], flags: SubscribeFlags): Promise<void> {
  const beginning = beginningOf(flags);
  const count = numberOf('count', flags.count, [1, 1_000_000_000]) ?? Number.POSITIVE_INFINITY;
  const terms = await clientTerms(flags, channels, 'subscribe');
  const { client, ended } = clientFor(terms, flags);
  const stop = () => client.close();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const untold = client.on('state', (state) => tell(state));
  try {
    await Promise.race([printed(client, channels, beginning, count), ended]);
  } catch (error) {
    throw explained(error, terms);
  } finally {
    // How it ended is told; that we close then is no news.
    untold();
    client.close();
  }
}

/** Resolves when `count` messages have been printed or the client was closed by a signal. */
function printed(client: Client, channels: readonly string[], beginning: Beginning, count: number): Promise<void> {
  let left = count;
  return new Promise((resolve, reject) => {
    client.on('state', (state) => {
      if (state.type === 'closed' && state.code === 1000) resolve();
    });
    for (const channel of channels) {
      const subscription = client.subscribe(channel, beginning);
      subscription.on('message', ({ offset, data, from }) => {
        if (left <= 0) return;
        console.log(JSON.stringify({ channel, offset, data, from }));
        warnOfRounding(data);
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
    // With the client; that is told.
    if (state.type === 'closed' && state.code === 'closed') return;
    tell({ channel, ...state });
    if (state.type !== 'closed' || state.code === 'unsubscribed') return;
    reject(new ClientEnded(state.code, `the subscription to ${channel} ended: ${titleOf(state.code)}`));
  });
}

function titleOf(code: string): string {
  return Object.hasOwn(CODES, code) ? CODES[code as Code].title : 'the server says no more than that';
}

let hasWarned = false;

/** The SDK hands over values: once, that what was published says more than a number of JavaScript can. */
function warnOfRounding(data: unknown): void {
  if (hasWarned || !isRounded(data)) return;
  hasWarned = true;
  const how = '`fanfare history` prints what was published';
  process.stderr.write(`fanfare: a number is not what was published, since it is too large for JavaScript: ${how}\n`);
}

function isRounded(data: unknown): boolean {
  if (typeof data === 'number') return Math.abs(data) > Number.MAX_SAFE_INTEGER;
  return typeof data === 'object' && data !== null && Object.values(data).some(isRounded);
}

function tell(event: object): void {
  process.stderr.write(`${JSON.stringify(event)}\n`);
}

function beginningOf({ after, last }: SubscribeFlags): Beginning {
  const refuse = (option: string, message: string) => {
    throw new ConfigError([{ option, source: `flag --${option}`, message }]);
  };
  const messages = numberOf('last', last, [1, LIMITS.maxLastMessages]);
  if (messages !== undefined && after !== undefined) refuse('last', 'expected it or --after, got both');
  if (after !== undefined && !isAfter(after)) refuse('after', `got ${shown(after)}, expected an offset, -1 or now`);
  return messages === undefined ? { after: after as After | undefined } : { last: messages };
}

function numberOf(
  option: string,
  typed: string | undefined,
  [min, max]: readonly [number, number],
): number | undefined {
  if (typed === undefined) return undefined;
  const reading = readWholeNumber(typed, min, max);
  if ('value' in reading) return reading.value;
  const message = `got ${shown(typed)}, expected ${reading.expected}`;
  throw new ConfigError([{ option, source: `flag --${option}`, message }]);
}
