// `fanfare publish`: publishes one JSON value, or each line of standard input.

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ConfigError, shown } from '../../config/config-problem.js';
import { addClientFlags, type ClientFlags, clientFor, untilEnded } from '../client-flags.js';

interface PublishFlags extends ClientFlags {
  readonly key?: string;
}

/** Adds the command. It prints the offset of each message, one a line. */
export function addCommand(program: Command): void {
  const command = program
    .command('publish')
    .description('publish a JSON value on a channel, or with - one value per line of standard input')
    .argument('<channel>')
    .argument('<json|->')
    .option('--key <key>', 'idempotency key: repeating the command with it publishes once');
  addClientFlags(command).action((channel: string, json: string, flags: PublishFlags) => publish(channel, json, flags));
}

async function publish(channel: string, json: string, flags: PublishFlags): Promise<void> {
  const values = json === '-' ? valuesIn(await text(process.stdin)) : [parsed(json, 'argument')];
  if (flags.key !== undefined && values.length > 1) {
    throw new ConfigError([{ option: 'key', source: 'flag --key', message: 'one key is for one message' }]);
  }
  const client = await clientFor(flags, [channel], 'publish');
  const ended = untilEnded(client);
  const options = flags.key === undefined ? {} : { key: flags.key };
  try {
    for (const value of values) {
      const { offset } = await Promise.race([client.publish(channel, value, options), ended]);
      console.log(offset);
    }
  } finally {
    client.close();
  }
}

/** One value over several lines, or one in each line. */
function valuesIn(input: string): readonly unknown[] {
  try {
    return [JSON.parse(input)];
  } catch {
    const lines = input.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line, index) => parsed(line, `line ${index + 1} of standard input`));
  }
}

function parsed(json: string, source: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    const message = `got ${shown(json)}, expected JSON; a text is written '"like this"'`;
    throw new ConfigError([{ option: 'json', source, message }]);
  }
}
