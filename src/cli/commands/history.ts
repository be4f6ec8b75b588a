// `fanfare history`: prints what a channel holds, one JSON line for each message, and ends.

import type { Command } from 'commander';
import { ConfigError, shown } from '../../config/config-problem.js';
import { readWholeNumber } from '../../config/value-types.js';
import { LIMITS } from '../../protocol/index.js';
import { rawItems } from '../../protocol/raw-member.js';
import { askChannel, channelTerms, type KeyFlags, keyFor } from '../channel-client.js';
import { type ClientFlags, clientTerms, explained } from '../client-flags.js';
import type { HttpAnswer } from '../http-ask.js';
import { compact } from '../json-lines.js';

interface HistoryFlags extends ClientFlags, KeyFlags {
  readonly last?: string;
}

/** Adds the command. */
export function addCommand(program: Command): void {
  program
    .command('history')
    .description('print what a channel holds: offset, time, data and sender of each message')
    .argument('<channel>')
    .option('--last <n>', `the last n messages alone, at most ${LIMITS.maxLastMessages}`)
    .option('--url <url>', 'the server (FANFARE_URL; default: http://127.0.0.1:8080)')
    .option('--token <token>', "the user's token (FANFARE_TOKEN; default: one signed as by `fanfare token`)")
    .option('--publish-key <key>', 'instead of a token: a publish key with the right to read (FANFARE_PUBLISH_KEY)')
    .action((channel: string, flags: HistoryFlags) => history(channel, flags));
}

async function history(channel: string, flags: HistoryFlags): Promise<void> {
  const last = lastOf(flags.last);
  const key = flags.token === undefined ? keyFor('read', flags) : undefined;
  const terms = await clientTerms({ ...flags, ...(key !== undefined && { token: key }) }, [channel], 'subscribe');
  try {
    const place = await channelTerms(terms, key);
    for (let query: string | undefined = `?format=messages${last}`; query !== undefined; ) {
      const { text, headers }: HttpAnswer = await askChannel(place, 'GET', channel, query);
      for (const message of rawItems(text)) console.log(compact(message));
      query = /<(\?[^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
    }
  } catch (error) {
    throw explained(error, { url: terms.url, token: key ?? terms.token });
  }
}

function lastOf(typed: string | undefined): string {
  if (typed === undefined) return '';
  const reading = readWholeNumber(typed, 1, LIMITS.maxLastMessages);
  if ('value' in reading) return `&last=${reading.value}`;
  const message = `got ${shown(typed)}, expected ${reading.expected}`;
  throw new ConfigError([{ option: 'last', source: 'flag --last', message }]);
}
