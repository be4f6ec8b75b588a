// `fanfare publish` for backends: in batches with a publish key, on several channels, and what nobody keeps.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { followFanfare, runFanfare, type ServerProcess, startFanfare } from '../support/process.js';

const SECRET = 'user-tokens-of-the-tests-0123456789abcdef';
const KEY = 'publish-key-of-the-tests-0123456789abcdef';

describe('fanfare publish', () => {
  let server: ServerProcess;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const publishKey = `name=shop;key=${KEY};patterns=order:* news`;
    server = await startFanfare(['start'], {
      env: { FANFARE_PORT: '0', FANFARE_AUTH_SECRET: SECRET, FANFARE_PUBLISH_KEY: publishKey },
    });
    env = { FANFARE_URL: server.url, FANFARE_AUTH_SECRET: SECRET };
  });
  afterAll(() => server?.stop());

  const publish = (...args: readonly string[]) => runFanfare(['publish', ...args], { env });
  const historyOf = async (channel: string, count: number) => {
    const args = ['subscribe', channel, '--after', '-1', '--count', String(count)];
    const { stdout } = await runFanfare(args, { env });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };

  it('stores what stands in many lines by few calls, and prints the offset of each', async () => {
    const input = Array.from({ length: 1_500 }, (_, n) => JSON.stringify({ n })).join('\n');
    const { code, stdout } = await runFanfare(['publish', 'order:many', '-', '--publish-key', KEY], { env, input });
    const offsets = stdout.trim().split('\n');
    expect([code, offsets.length, new Set(offsets).size]).toEqual([0, 1_500, 1_500]);
    const [last] = (await historyOf('order:many', 100)).slice(-1);
    expect(last).toMatchObject({ offset: offsets.at(-1), data: { n: 1_499 } });
  });

  it('says which of several channels the key is not for, publishes on the others, and ends with 1', async () => {
    const { code, stdout, stderr } = await publish('news,other', '1', '--publish-key', KEY);
    expect([code, stdout.trim().split('\n').length]).toEqual([1, 1]);
    expect(stderr.trim().split('\n')).toEqual([
      'fanfare: other: forbidden: the publish key shop is not for other',
      expect.stringMatching(/^fanfare: forbidden: other: .*; not published: 1 of 2, the others are published$/),
    ]);
    expect(await historyOf('news', 1)).toMatchObject([{ data: 1, offset: stdout.trim() }]);
  });

  it('speaks of no others where there are none', async () => {
    const { code, stderr } = await publish('other', '1', '--publish-key', KEY);
    expect([code, stderr]).toEqual([1, 'fanfare: forbidden: other: the publish key shop is not for other\n']);
    const none = await publish('other,another', '1', '--publish-key', KEY);
    expect(none.stderr).toContain('not published: 2 of 2, none is published');
  });

  it.each([['by token', []] as const, ['by key', ['--publish-key', KEY]] as const])(
    'stores what was typed as its text, and history prints it: %s',
    async (name, flags) => {
      const channel = `order:text-${name.replace(' ', '-')}`;
      const texts = [
        '12345678901234567890',
        '1e400',
        '{"id":9007199254740993,"a":1.0}',
        '{"a":1,"a":2}',
        '{"__proto__":1}',
      ];
      const input = texts.join('\n');
      expect(await runFanfare(['publish', channel, '-', ...flags], { env, input })).toMatchObject({ code: 0 });
      const { stdout } = await runFanfare(['history', channel], { env });
      const printed = stdout.trim().split('\n');
      expect(printed).toEqual(
        texts.map((text) => expect.stringMatching(/^\{"offset":.*\}$/) && expect.stringContaining(`"data":${text}}`)),
      );
    },
  );

  it('prints a message that was written over several lines on one', async () => {
    const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
    const body = '{"channel":"order:lines","data":{\n "a": 1.0\n}}';
    await fetch(`${server.url}/v1/publish`, { method: 'POST', headers, body });
    const { stdout } = await runFanfare(['history', 'order:lines'], { env });
    expect(stdout).toMatch(/"data":\{"a":1\.0\}\}\n$/);
  });

  it('says once to a reader that a number is not what was published', async () => {
    await publish('order:rounded', '[9007199254740993]');
    await publish('order:rounded', '1e400');
    const { stderr } = await runFanfare(['subscribe', 'order:rounded', '--last', '2', '--count', '2'], { env });
    expect(stderr.match(/`fanfare history` prints what was published/g)).toHaveLength(1);
  });

  it('hands over what nobody keeps, by token and by key', async () => {
    const reader = followFanfare(['subscribe', 'order:live', '--count', '2'], { env });
    await reader.logged('"type":"subscribed"');
    expect((await publish('order:live', '1', '--live')).stdout).toBe('live\n');
    expect((await publish('order:live', '2', '--live', '--publish-key', KEY)).stdout).toBe('live\n');
    const heard = [JSON.parse(await reader.line()), JSON.parse(await reader.line())];
    expect(heard).toEqual([
      { channel: 'order:live', data: 1 },
      { channel: 'order:live', data: 2 },
    ]);
    expect((await reader.finished).code).toBe(0);
  });

  it.each([
    [['a', '1', '--live', '--key', 'k'], 'what nobody keeps has none'],
    [['a', '1', '--live', '--wait-replicas', '1'], 'what nobody keeps is on no replica'],
    [['a,b c', '1'], 'a channel name has only'],
  ])('refuses %j with 78', async (args, message) => {
    const { code, stderr } = await publish(...args);
    expect([code, stderr]).toEqual([78, expect.stringContaining(message)]);
  });
});
