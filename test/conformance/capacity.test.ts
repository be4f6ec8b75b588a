// What docs/CAPACITY.md tells planners of Redis is what a channel takes there.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useRedisBroker } from '../support/redis-broker.js';

const page = readFileSync(new URL('../../docs/CAPACITY.md', import.meta.url), 'utf8');
const [, table = ''] = /<!-- redis:begin -->([\s\S]*?)<!-- redis:end -->/.exec(page) ?? [];
const CHANNELS = 2_000;
const DATA = JSON.stringify('x'.repeat(98));
const NODE_BYTES = [4_096, 1_024, 512];

/** The figures of a row, for these sizes of a stream's nodes. */
function row(what: string): readonly number[] {
  const line = table.split('\n').find((one) => one.startsWith(`| ${what} |`)) ?? '';
  const cells = line.split('|').slice(2, -1);
  return cells.map((cell) => Number(cell.replaceAll(',', '')));
}

const current = useRedisBroker();

it('a channel with one message takes within a tenth of what is documented, whatever the size of nodes', async () => {
  const documented = row('a channel with one message of 100 bytes');
  expect(documented).toHaveLength(NODE_BYTES.length);
  const { admin } = current.server;
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1]);
  for (const [at, bytes] of NODE_BYTES.entries()) {
    await admin.flushall('SYNC');
    await admin.config('SET', 'stream-node-max-bytes', bytes);
    const before = await used();
    const calls = admin.pipeline();
    for (let n = 0; n < CHANNELS; n++) calls.fcall('fanfare_publish', 1, `user:${n}`, DATA);
    for (const [error] of (await calls.exec()) ?? []) expect(error).toBeNull();
    const each = ((await used()) - before) / CHANNELS;
    expect(each / (documented[at] ?? 0)).toBeGreaterThan(0.9);
    expect(each / (documented[at] ?? 0)).toBeLessThan(1.1);
  }
});
