// Logs that are shortened now and then, on a real Redis: what readers are given is what they would be given of one that is shortened at once.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { generateLibrary } from '../../src/broker/redis/functions/library.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { formatOffset, parseOffset } from '../../src/protocol/index.js';
import { type RedisServer, startRedis } from '../support/redis.js';

const HISTORY = 24;
/** An eighth. */
const SLACK = 3;
/** A channel whose history is too short for any slack. */
const SHORT = { channel: 'short:a', size: 7 };

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());
beforeEach(async () => {
  await server.admin.flushall();
  const namespaces = new Namespaces({ default: { historySize: HISTORY }, short: { historySize: SHORT.size } });
  const code = generateLibrary({ prefix: 'fanfare', namespaces }).code(0);
  await server.admin.call('FUNCTION', 'LOAD', 'REPLACE', code);
});

const keysOf = (channel: string): [string, string] => [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`];
const lengthOf = (channel: string) => server.admin.xlen(keysOf(channel)[0]);
const call = (name: string, ...args: (string | number)[]) => server.admin.call('FCALL', `fanfare_${name}`, ...args);

async function alone(channel: string, data: string): Promise<string> {
  return String(await call('publish', 1, channel, data));
}
/** As one of several, of which none other is on its channel. */
async function amongOthers(channel: string, data: string): Promise<string> {
  const [offset] = (await call('publish_many', 2, channel, 'other', data, data)) as string[];
  return offset ?? '';
}
/** Several of one channel. */
function together(channel: string, data: readonly string[]): Promise<string[]> {
  return call('publish_many', data.length, ...data.map(() => channel), ...data) as Promise<string[]>;
}

/** What a reader is given who asks for that, with places in the history in place of offsets. */
async function read(channel: string, after: string, offsets: readonly string[]) {
  const args = [2, ...keysOf(channel), after, 1_000, 1_000_000];
  const [start, gap, tail, more, , ...rest] = (await server.admin.call(
    'FCALL_RO',
    'fanfare_read',
    ...args,
  )) as string[];
  const entries = rest.filter((_, at) => at % 3 === 1);
  return { start: offsets.indexOf(start ?? ''), gap, tail: offsets.indexOf(tail ?? ''), more, entries };
}
/** The same for whoever may ask. */
function readAll(channel: string, offsets: readonly string[]) {
  const counts = [1, HISTORY - 1, HISTORY, HISTORY + 1, 2 * HISTORY].map((count) => `last:${count}`);
  return Promise.all([...offsets, '-1', 'now', ...counts].map((after) => read(channel, after, offsets)));
}
/** Has the log be longer than its history; what was published. */
async function overfill(channel: string): Promise<string[]> {
  const offsets: string[] = [];
  while ((await lengthOf(channel)) <= HISTORY + 1) offsets.push(await amongOthers(channel, String(offsets.length)));
  return offsets;
}
const dataOf = async (channel: string) => (await read(channel, '-1', [])).entries;
const lastOf = (count: number) => Array.from({ length: HISTORY }, (_, at) => String(count - HISTORY + at));

test('of a history that comes with others in a call readers have what they have of one that comes by itself, at every length', async () => {
  const [loose, exact]: [string[], string[]] = [[], []];
  const lengths = new Set<number>();
  while (exact.length < 2 * HISTORY) {
    const n = exact.length;
    // Now and then by itself, or twice in a call: both take away what is too much.
    const coming = n % 11 === 10 ? [String(n), String(n + 1)] : [String(n)];
    if (coming.length > 1) loose.push(...(await together('loose', coming)));
    else loose.push(await (n % 17 === 16 ? alone : amongOthers)('loose', String(n)));
    for (const data of coming) exact.push(await alone('exact', data));
    lengths.add(await lengthOf('loose'));
    expect(await readAll('loose', loose)).toEqual(await readAll('exact', exact));
  }
  expect(Math.max(...lengths)).toBe(HISTORY + SLACK);
});

test('a history that is too short for it is as long as it may be at any time', async () => {
  for (let n = 0; n < 3 * SHORT.size; n++) {
    await amongOthers(SHORT.channel, String(n));
    expect(await lengthOf(SHORT.channel)).toBe(Math.min(n + 1, SHORT.size));
  }
});

test('nothing is hidden of what another server has written and shortened since', async () => {
  const offsets = await overfill('a');
  const [log, tail] = keysOf('a');
  const last = offsets.at(-1) ?? '';
  const { ms } = parseOffset(last);
  const other = formatOffset(ms + 1, 2 ** 21);
  await server.admin.xadd(log, 'MAXLEN', HISTORY, other, 'd', 'other', 'p', last);
  await server.admin.set(tail, `${other} ${offsets[0]}`);
  expect(await dataOf('a')).toEqual([...lastOf(offsets.length).slice(1), 'other']);
  await amongOthers('a', 'next');
  expect(await dataOf('a')).toEqual([...lastOf(offsets.length).slice(2), 'other', 'next']);
});

test('a history that is deleted while its log is too long begins anew', async () => {
  await overfill('a');
  await call('erase', 3, ...keysOf('a'), 'fanfare:{a}:forgot');
  expect(await dataOf('a')).toEqual([]);
  await amongOthers('a', 'first');
  expect(await dataOf('a')).toEqual(['first']);
  await server.admin.del(keysOf('a')[0]);
  expect(await dataOf('a')).toEqual([]);
});

test('a log that somebody has shortened by hand is filled up again, and no longer than it may be', async () => {
  const offsets = await overfill('a');
  await server.admin.xtrim(keysOf('a')[0], 'MAXLEN', 5);
  for (let n = 0; n < 2 * HISTORY; n++) {
    offsets.push(await amongOthers('a', String(offsets.length)));
    expect(await lengthOf('a')).toBeLessThanOrEqual(HISTORY + SLACK);
  }
  expect(await dataOf('a')).toEqual(lastOf(offsets.length));
});

test('what a library knows nothing of is shortened by the first message that comes', async () => {
  const offsets = await overfill('a');
  const namespaces = new Namespaces({ default: { historySize: HISTORY } });
  await server.admin.call('FUNCTION', 'LOAD', 'REPLACE', generateLibrary({ prefix: 'fanfare', namespaces }).code(1));
  expect((await dataOf('a')).slice(-HISTORY)).toEqual(lastOf(offsets.length));
  await amongOthers('a', String(offsets.length));
  expect(await lengthOf('a')).toBe(HISTORY);
  expect(await dataOf('a')).toEqual(lastOf(offsets.length + 1));
});
