// `fanfare publish`: publishes one JSON value, or each line of standard input.

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ConfigError, shown } from '../../config/config-problem.js';
import { readWholeNumber } from '../../config/value-types.js';
import { MAX_WAIT_REPLICAS } from '../../protocol/index.js';
import { addClientFlags, type ClientFlags, clientFor, clientTerms, explained, untilEnded } from '../client-flags.js';
import { httpPublisher } from '../http-publisher.js';

interface PublishFlags extends ClientFlags {
  readonly key?: string;
  readonly waitReplicas?: string;
}

/** Publishes one value and resolves with its offset. */
type Send = (data: unknown) => Promise<string>;

/** Adds the command. It prints the offset of each message, one a line. */
export function addCommand(program: Command): void {
  const command = program
    .command('publish')
    .description('publish a JSON value on a channel, or with - one value per line of standard input')
    .argument('<channel>')
    .argument('<json|->')
    .option('--key <key>', 'idempotency key: repeating the command with it publishes once')
    .option(
      '--wait-replicas <n>',
      'acknowledge once so many Redis replicas have it, at most the number of the node; over HTTP',
    );
  addClientFlags(command).action((channel: string, json: string, flags: PublishFlags) => publish(channel, json, flags));
}

async function publish(channel: string, json: string, flags: PublishFlags): Promise<void> {
  const values = json === '-' ? valuesIn(await text(process.stdin)) : [parsed(json, 'argument')];
  if (flags.key !== undefined && values.length > 1) {
    throw new ConfigError([{ option: 'key', source: 'flag --key', message: 'one key is for one message' }]);
  }
  const key = flags.key === undefined ? {} : { key: flags.key };
  const replicas = flags.waitReplicas === undefined ? 0 : replicaCount(flags.waitReplicas);
  const terms = await clientTerms(flags, [channel], 'publish');
  if (replicas > 0) {
    const send = await httpPublisher(terms);
    return printEach(values, (data) => send({ channel, data, ...key, waitReplicas: replicas }));
  }
  const client = clientFor(terms, flags);
  const ended = untilEnded(client);
  try {
    await printEach(values, async (data) => (await Promise.race([client.publish(channel, data, key), ended])).offset);
  } catch (error) {
    throw explained(error, terms);
  } finally {
    client.close();
  }
}

async function printEach(values: readonly unknown[], send: Send): Promise<void> {
  for (const value of values) console.log(await send(value));
}

function replicaCount(typed: string): number {
  const reading = readWholeNumber(typed, 0, MAX_WAIT_REPLICAS);
  if ('value' in reading) return reading.value;
  const message = `got ${shown(typed)}, expected ${reading.expected}`;
  throw new ConfigError([{ option: 'waitReplicas', source: 'flag --wait-replicas', message }]);
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
