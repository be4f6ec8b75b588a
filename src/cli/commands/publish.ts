// `fanfare publish`: publishes one JSON value, or each line of standard input, on one channel or several.

import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Client } from '../../../client-sdk/node.js';
import { ConfigError, shown } from '../../config/config-problem.js';
import { readWholeNumber } from '../../config/value-types.js';
import { MAX_WAIT_REPLICAS, type PublishFailure } from '../../protocol/index.js';
import { ClientEnded } from '../client-ended.js';
import {
  addClientFlags,
  type ClientFlags,
  type ClientTerms,
  clientFor,
  clientTerms,
  explained,
} from '../client-flags.js';
import { type HttpOrder, httpPublisher, type KeyTerms, publishInBatches } from '../http-publisher.js';
import { isSaidByValue, valueIn, valuesIn } from '../json-lines.js';

interface PublishFlags extends ClientFlags {
  readonly key?: string;
  readonly waitReplicas?: string;
  readonly live?: true;
  readonly publishKey?: string;
}

/** Printed where a message has no offset. */
const NOT_KEPT = 'live';
/** Chosen: longer than a node waits for Redis before it refuses. */
const PATIENCE_MS = 8_000;

/** Adds the command. */
export function addCommand(program: Command): void {
  const command = program
    .command('publish')
    .description('publish a JSON value, or with - one value per line of standard input; prints the offset of each')
    .argument('<channels>', 'one, or several behind commas')
    .argument('<json|->')
    .option('--key <key>', 'idempotency key: repeating the command with it publishes once')
    .option('--live', 'to whoever listens now, and nobody keeps it; prints "live" for an offset')
    .option('--publish-key <key>', 'in batches, with the key of a backend; --url is that of a node then')
    .option(
      '--wait-replicas <n>',
      'acknowledge once so many Redis replicas have it, at most the number of the node; over HTTP',
    );
  addClientFlags(command).action((channels: string, json: string, flags: PublishFlags) =>
    publish(channels.split(','), json, flags),
  );
}

async function publish(channels: readonly string[], json: string, flags: PublishFlags): Promise<void> {
  const values = json === '-' ? valuesIn(await buffer(process.stdin)) : [valueIn(json, 'argument')];
  const replicas = flags.waitReplicas === undefined ? 0 : replicaCount(flags.waitReplicas);
  refuseContradictions(flags, values.length, replicas);
  const { key, publishKey } = flags;
  const asked = publishKey === undefined ? flags : { ...flags, token: publishKey };
  const terms = await clientTerms(asked, channels, flags.live ? 'publishLive' : 'publish');
  const own = { ...(key !== undefined && { key }), ...(flags.live && { history: false as const }) };
  const orders = values.flatMap((data) => channels.map((channel) => ({ channel, data, ...own })));
  const waits = replicas > 0 ? { waitReplicas: replicas } : {};
  if (publishKey !== undefined) return printBatches({ url: terms.url, key: publishKey, ...waits }, orders);
  if (!flags.live && replicas === 0) return publishByClient(orders, terms, flags);
  const send = await httpPublisher(terms);
  for (const order of orders) console.log((await send({ ...order, ...waits })).offset ?? NOT_KEPT);
}

function refuseContradictions({ key, live }: PublishFlags, values: number, replicas: number): void {
  const refuse = (option: string, source: string, message: string) => {
    throw new ConfigError([{ option, source, message }]);
  };
  if (key !== undefined && values > 1) refuse('key', 'flag --key', 'one key is for one message');
  if (live && key !== undefined) refuse('key', 'flag --key', 'what nobody keeps has none: leave out --key or --live');
  if (live && replicas > 0) {
    refuse(
      'waitReplicas',
      'flag --wait-replicas',
      'what nobody keeps is on no replica: leave out one of it and --live',
    );
  }
}

async function publishByClient(orders: readonly HttpOrder[], terms: ClientTerms, flags: ClientFlags): Promise<void> {
  const { client, ended } = clientFor(terms, flags);
  let publisher: ReturnType<typeof httpPublisher> | undefined;
  try {
    for (const order of orders) {
      // Repeated with one key, whichever way it goes, it is stored once.
      const keyed = { ...order, key: order.key ?? randomUUID() };
      let offset = isSaidByValue(order.data) ? await Promise.race([offsetWithin(client, keyed), ended]) : undefined;
      if (offset === undefined) {
        publisher ??= httpPublisher(terms);
        ({ offset } = await (await publisher)(keyed));
      }
      console.log(offset);
    }
  } catch (error) {
    throw explained(error, terms);
  } finally {
    client.close();
  }
}

/** `undefined` where the SDK would go on trying: a request by itself tells why. */
async function offsetWithin(client: Client, { channel, data, key }: HttpOrder): Promise<string | undefined> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return (await client.publish(channel, JSON.parse(data), { key, signal: patience })).offset;
  } catch (error) {
    if (patience.aborted) return undefined;
    throw error;
  }
}

/** Throws `ClientEnded` with the first failure, once all have been answered; of several, standard error has each of them. */
async function printBatches(terms: KeyTerms, orders: readonly HttpOrder[]): Promise<void> {
  const failed: PublishFailure[] = [];
  for await (const result of publishInBatches(terms, orders)) {
    if ('code' in result) {
      failed.push(result);
      if (orders.length > 1) process.stderr.write(`fanfare: ${result.channel}: ${result.code}: ${result.message}\n`);
    } else console.log(result.offset ?? NOT_KEPT);
  }
  const [first] = failed;
  if (first === undefined) return;
  const others = failed.length < orders.length ? 'the others are published' : 'none is published';
  const count = orders.length === 1 ? '' : `; not published: ${failed.length} of ${orders.length}, ${others}`;
  throw new ClientEnded(first.code, `${first.channel}: ${first.message}${count}`);
}

function replicaCount(typed: string): number {
  const reading = readWholeNumber(typed, 0, MAX_WAIT_REPLICAS);
  if ('value' in reading) return reading.value;
  const message = `got ${shown(typed)}, expected ${reading.expected}`;
  throw new ConfigError([{ option: 'waitReplicas', source: 'flag --wait-replicas', message }]);
}
