// `fanfare delete`: deletes the history of a channel, everywhere.

import type { Command } from 'commander';
import { ConfigError } from '../../config/config-problem.js';
import { askChannel, type KeyFlags, keyFor } from '../channel-client.js';
import { clientTerms } from '../client-flags.js';

interface DeleteFlags extends KeyFlags {
  readonly url?: string;
}

/** Adds the command. It is silent where nothing of the history is left anywhere. */
export function addCommand(program: Command): void {
  program
    .command('delete')
    .description('delete the history of a channel; whoever reads it is told that it is lost')
    .argument('<channel>')
    .option('--url <url>', 'a node, or what leads to one (FANFARE_URL; default: http://127.0.0.1:8080)')
    .option('--publish-key <key>', 'a publish key with the right to delete (FANFARE_PUBLISH_KEY)')
    .action((channel: string, flags: DeleteFlags) => deleteChannel(channel, flags));
}

async function deleteChannel(channel: string, flags: DeleteFlags): Promise<void> {
  const key = keyFor('delete', flags);
  if (key === undefined) {
    const message = 'needed: a key with the right to delete, by FANFARE_PUBLISH_KEY or --publish-key';
    throw new ConfigError([{ option: 'publishKey', source: 'not set', message }]);
  }
  const { url } = await clientTerms({ ...flags, token: key }, [channel], 'subscribe');
  const { status, json } = await askChannel({ url, bearer: key, keyKind: 'publish key' }, 'DELETE', channel);
  if (status === 204) return;
  const { pending } = json as { readonly pending: readonly string[] };
  process.stderr.write(`fanfare: deleted; may still be held at: ${pending.join(', ') || 'unknown'}\n`);
}
