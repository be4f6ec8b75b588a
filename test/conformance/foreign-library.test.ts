// A function library under our name that is somebody else's: the start is refused, and what it answers later is not believed.

import { afterEach, describe, expect, test } from 'vitest';
import { createRedisBroker } from '../../src/broker/redis/broker.js';
import { RedisConnection } from '../../src/broker/redis/connection.js';
import { createRedisRegistry } from '../../src/broker/redis/registry.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { silentLogger } from '../../src/lib/logger.js';
import { formatOffset } from '../../src/protocol/index.js';
import { RecordingListener } from '../support/recording-listener.js';
import { codeOf, readFrom, useRedisBroker, WHOLE_PAGE } from '../support/redis-broker.js';

const current = useRedisBroker();
afterEach(() => current.server.admin.call('FUNCTION', 'FLUSH'));

const NAMES = ['publish', 'open', 'read', 'node_report', 'node_assign', 'node_list', 'node_drain', 'node_remove'];
const OPTIONS = { prefix: 'fanfare', namespaces: new Namespaces(), logger: silentLogger };

/** A library of our name, each function of which answers so. */
function replaceBy(answer: string, names: readonly string[] = NAMES): Promise<unknown> {
  const functions = names.map(
    (name) =>
      `redis.register_function{function_name='fanfare_${name}',callback=function() ${answer} end,flags={'no-writes'}}`,
  );
  return current.server.admin.call('FUNCTION', 'LOAD', 'REPLACE', `#!lua name=fanfare\n${functions.join('\n')}`);
}

const first = formatOffset(2, 0);
const page = (...values: readonly string[]) => `return {${values.map((value) => `'${value}'`).join(',')}}`;

describe.each([
  ['nothing', 'return nil'],
  ['a text', "return 'junk'"],
  ['a long text', "return string.rep('x', 1048576)"],
  ['a number', 'return 7'],
  ['an empty list', 'return {}'],
  ['many lists', 'local t = {} for i = 1, 10000 do t[i] = {} end return t'],
  ['texts that are no offsets', page('a', '', 'b', '0', '0')],
  ['more, and nothing', page(first, '', first, '1', '0')],
  ['messages out of order', page(first, '', first, '0', '0', formatOffset(1, 0), '1', '')],
  ['a further call without end', page('last:5:1')],
  ['a further call without end that looks like one', page(`last:9999:${first}`)],
  ['an error with a line break', "return redis.error_reply('JUNK a\\r\\n+OK')"],
  ['another error', "error('junk')"],
])('one that answers with %s', (_, answer) => {
  test('is not believed, and keeps nobody busy', async () => {
    const { broker, channel } = current;
    await replaceBy(answer);
    expect(await codeOf(broker.publish({ channel, data: '1' }))).toMatch(/^(ack_timeout|internal|broker_unavailable)$/);
    expect(await codeOf(readFrom(current, first))).toMatch(/^(internal|broker_unavailable)$/);
    expect(await codeOf(broker.read(channel, { last: 5 }, WHOLE_PAGE))).toMatch(/^(internal|broker_unavailable)$/);
    const connection = new RedisConnection({ ...OPTIONS, url: current.server.url });
    try {
      await current.server.admin.call('FUNCTION', 'FLUSH');
      await connection.start();
      await replaceBy(answer);
      const registry = createRedisRegistry({ connection, logger: silentLogger });
      const report = { id: 'n1', url: 'http://n1:8080', incarnation: 'i1', connections: 0, capacity: 10, claimed: [] };
      const more = { maxConnectsPerSecond: 10, state: 'ready', reached: true, proof: '' } as const;
      expect(await codeOf(registry.report({ ...report, ...more }))).toMatch(/^(broker_unavailable|internal)$/);
      expect(await codeOf(registry.assign([]))).toMatch(/^(broker_unavailable|internal|no error)$/);
      expect(await codeOf(registry.list())).toMatch(/^(broker_unavailable|internal|no error)$/);
    } finally {
      await connection.close();
    }
  });
});

test.each([
  ['has no version', "return 'junk'", ['publish']],
  ['has a version that is none', "return 'junk'", ['version']],
  ['has a version of other types', "return {'7', 8}", ['version']],
])('one that %s refuses the start, and says what to do', async (_, answer, names) => {
  await current.broker.close();
  await current.server.admin.call('FUNCTION', 'FLUSH');
  await replaceBy(answer, names);
  const broker = createRedisBroker({ ...OPTIONS, url: current.server.url });
  const attempt = broker.start(new RecordingListener());
  await expect(attempt).rejects.toThrow(/none of ours: run FUNCTION DELETE fanfare, or choose another prefix/);
});
