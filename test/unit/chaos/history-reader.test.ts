// Reading a run's files: one history of all, whatever the order of files, and no line that is broken passes unseen.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readHistory } from '../../chaos/history-reader.js';

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'history-'));
});

afterEach(() => rm(directory, { recursive: true }));

const OFFSET = '0000000001001-0000000000000007';
const about = { process: 'p', channel: 'news', value: 'v1' };
const deliver = { ...about, t: 3, kind: 'ok', f: 'deliver', client: 'ann', offset: OFFSET };
const publish = [
  { ...about, t: 1, kind: 'invoke', f: 'publish', by: 'http' },
  { ...about, t: 2, kind: 'ok', f: 'publish', offset: OFFSET },
];

function lines(...events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

it('makes one message of its publication and its deliveries, whichever file comes first', async () => {
  await writeFile(join(directory, 'clients.jsonl'), lines(deliver, { ...deliver, client: 'bob', t: 4 }));
  await writeFile(join(directory, 'publisher.jsonl'), lines(...publish));
  await writeFile(join(directory, 'notes.txt'), 'not a history');
  const { subscriptions, publications, endsAt } = await readHistory(directory);
  expect(subscriptions.map(({ client }) => client)).toEqual(['ann', 'bob']);
  const [first, second] = subscriptions.map(({ steps }) => steps.what[0]);
  expect(first).toBe(second);
  expect(first).toMatchObject({ kind: 'entry', knownAt: 2, rank: 0 });
  expect(publications.get('v1')).toMatchObject({ invokedAt: 1, acknowledgedAt: 2, by: 'http' });
  expect(endsAt).toBe(4);
});

it('reads lines across the chunks of a file', async () => {
  const events = Array.from({ length: 20_000 }, (_, n) => ({ ...deliver, value: `é${n}`, t: n }));
  await writeFile(join(directory, 'clients.jsonl'), lines(...events));
  const { publications, cutLines } = await readHistory(directory);
  expect(publications.size).toBe(20_000);
  expect(cutLines).toBe(0);
});

it('counts a last line that is cut, and leaves it out', async () => {
  await writeFile(join(directory, 'clients.jsonl'), lines(deliver) + lines(deliver).slice(0, 40));
  const { subscriptions, cutLines } = await readHistory(directory);
  expect(subscriptions[0]?.steps.what).toHaveLength(1);
  expect(cutLines).toBe(1);
});

it('refuses any other line that is broken, and names it', async () => {
  await writeFile(join(directory, 'clients.jsonl'), `${lines(deliver)}{"t":\n${lines(deliver)}`);
  await expect(readHistory(directory)).rejects.toThrow(/clients\.jsonl:2: not a line of a history/);
});
