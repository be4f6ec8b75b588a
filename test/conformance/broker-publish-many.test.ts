// Several messages by one call, on a real Redis: each has what it would have had alone, in the order given.

import { describe, expect, test } from 'vitest';
import type { RedisBusBroker } from '../../src/broker/redis/broker.js';
import { generateLibrary } from '../../src/broker/redis/functions/library.js';
import { MOST_OF_A_CALL } from '../../src/broker/redis/functions/publish-many-lua.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { isOffset } from '../../src/protocol/index.js';
import { costOf, loadCountedLibrary } from '../support/counted-library.js';
import { dataOf, publishTo, readFrom, useRedisBroker } from '../support/redis-broker.js';

const current = useRedisBroker();
const many = (...args: (string | number)[]) =>
  current.server.admin.call('FCALL', 'fanfare_publish_many', ...args) as Promise<string[]>;
const keysOf = (channel: string) => [`fanfare:{${channel}}:log`, `fanfare:{${channel}}:tail`] as const;
/** What became of a message: the first word of its refusal, or that it is stored. */
const wordOf = (answer: string) => (/^\d{13}-\d{16}$/.test(answer) ? 'stored' : answer.split(' ')[0]);
const broker = () => current.broker as RedisBusBroker;

describe('fanfare_publish_many', () => {
  test('stores and delivers messages of several channels, each with the predecessor that it has alone', async () => {
    const { channel, listener } = current;
    const other = `${channel}-other`;
    await Promise.all([broker().subscribe(channel), broker().subscribe(other)]);
    const first = await publishTo(current, '0');
    const answers = await many(4, channel, other, channel, channel, '1', '"a"', '2', '3');
    expect(answers.every(isOffset)).toBe(true);
    await listener.until(() => listener.messages.length === 5);
    expect([listener.data(channel), listener.data(other)]).toEqual([['0', '1', '2', '3'], ['"a"']]);
    const page = await readFrom(current, first);
    expect(page.entries.map(({ offset }) => offset)).toEqual([answers[0], answers[2], answers[3]]);
    expect(page).toMatchObject({ gap: undefined, tail: answers[3], more: false });
    const delivered = listener.messages.filter((message) => message.channel === channel);
    expect(delivered.map(({ previous }) => previous).slice(1)).toEqual([first, answers[0], answers[2]]);
    const next = await publishTo(current, '4');
    expect((await readFrom(current, answers[3] ?? '')).entries).toMatchObject([{ offset: next, previous: answers[3] }]);
  });

  test('takes a key for each, or none, and stores a message that is named twice once', async () => {
    const { channel } = current;
    const answers = await many(4, channel, channel, channel, channel, '1', '2', '1', '1', 'k1', '', 'k1', 'k2');
    expect(answers[2]).toBe(answers[0]);
    expect(await many(2, channel, channel, '1', '1', 'k1', 'k2')).toEqual([answers[0], answers[3]]);
    expect(await current.server.admin.call('FCALL', 'fanfare_publish', 1, channel, '1', 'k1')).toBe(answers[0]);
    expect(dataOf(await readFrom(current, '-1'))).toEqual(['1', '2', '1']);
  });

  test('refuses each for itself, with the words that it would have had alone', async () => {
    const { channel } = current;
    await many(1, channel, '1', 'used');
    const large = `"${'x'.repeat(70_000)}"`;
    const names = [channel, 'bad name', channel, channel, channel, channel];
    const answers = await many(6, ...names, '2', '1', large, '1', '3', '4', '', '', '', 'bad key', 'used', '');
    expect(answers.map(wordOf)).toEqual(['stored', 'BADCHANNEL', 'TOOLARGE', 'BADKEY', 'CONFLICT', 'stored']);
    expect(dataOf(await readFrom(current, '-1'))).toEqual(['1', '2', '4']);
  });

  test('takes the full form: logs, tails and keys once, and for each message the places of its own', async () => {
    const [log, tail] = keysOf(current.channel);
    const key = `fanfare:{${current.channel}}:key:b:k1`;
    const sender = '{"connection":"c","user":"u"}';
    const answers = await many(3, log, tail, key, 1, '1', 3, '', 1, '2', 0, sender, 2, '3', 0, '');
    expect(answers.map(wordOf)).toEqual(['stored', 'stored', 'BADCHANNEL']);
    const { entries } = await readFrom(current, '-1');
    expect(entries.map(({ from }) => from?.toString())).toEqual([undefined, sender]);
    expect(await current.server.admin.get(key)).toContain(answers[0]);
  });

  test('remembers a key for ten minutes, as a single publish does', async () => {
    const { channel, server } = current;
    await many(1, channel, '1', 'many');
    await server.admin.call('FCALL', 'fanfare_publish', 1, channel, '1', 'one');
    const keys = await server.admin.keys(`fanfare:{${channel}}:key:*`);
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      const leftMs = await server.admin.pttl(key);
      expect([key, leftMs > 540_000, leftMs <= 600_000]).toEqual([key, true, true]);
    }
  });

  test('stores nothing of a call that is none, or too much', async () => {
    const { channel } = current;
    const [log, tail] = keysOf(channel);
    const { messages, bytes } = MOST_OF_A_CALL;
    const whole = (count: number, data: string) =>
      many(count, ...Array(count).fill(channel), ...Array(count).fill(data));
    await expect(whole(messages + 1, '1')).rejects.toThrow(/^BADARGS /);
    await expect(whole(17, `"${'x'.repeat(bytes / 16 - 2)}"`)).rejects.toThrow(/^TOOLARGE /);
    await expect(many(2, channel, channel, '1')).rejects.toThrow(/^BADARGS /);
    for (const args of [[], [9, '1', 0, ''], [1, '1', 7, ''], ['x', '1', 0, ''], [1, '1', 0]]) {
      await expect(many(2, log, tail, ...args)).rejects.toThrow(/^BADARGS /);
    }
    await expect(many(0)).rejects.toThrow(/^BADARGS /);
    expect(await current.server.admin.exists(log)).toBe(0);
    expect(await whole(messages, '1')).toHaveLength(messages);
    expect(await whole(16, `"${'x'.repeat(bytes / 16 - 2)}"`)).toHaveLength(16);
  });

  test('stores no later message of a channel behind one that Redis refuses, and those of others', async () => {
    const { channel, server } = current;
    const other = `${channel}-other`;
    await server.admin.lpush(`fanfare:{${channel}}:key:b:k1`, 'foreign');
    const names = [channel, channel, other, channel];
    const answers = await many(4, ...names, '1', '2', '3', '4', '', 'k1', '', '');
    expect(answers.map(wordOf)).toEqual(['stored', 'WRONGTYPE', 'stored', 'WRONGTYPE']);
    expect(dataOf(await readFrom(current, '-1'))).toEqual(['1']);
    expect(await server.admin.call('FCALL', 'fanfare_publish', 1, channel, '5')).toSatisfy(isOffset);
    expect(dataOf(await readFrom(current, '-1'))).toEqual(['1', '5']);
  });

  test('reads a channel once, and writes where it ends once, however many messages it gets', async () => {
    const { channel, server } = current;
    const library = { prefix: 'fanfare', namespaces: new Namespaces() };
    await loadCountedLibrary(server.admin, library);
    const [log, tail] = keysOf(channel);
    const args = Array.from({ length: 64 }, (_, n) => [1, String(n), 0, '']).flat();
    await costOf(server.admin, 'publish_many', [log, tail], args);
    const { commands } = await costOf(server.admin, 'publish_many', [log, tail], args);
    // For each an XADD and a PUBLISH, and a handful for all.
    expect(commands).toBeLessThanOrEqual(2 * 64 + 6);
    await server.admin.call('FUNCTION', 'LOAD', 'REPLACE', generateLibrary(library).code(0));
  });
});

describe('a busy log', () => {
  test('has a life of its own again after it was deleted', async () => {
    const { server, channel } = current;
    const [log] = keysOf(channel);
    for (let n = 0; n < 5; n++) await publishTo(current, String(n));
    expect(await server.admin.pttl(log)).toBeGreaterThan(0);
    await server.admin.del(log);
    await publishTo(current, '5');
    expect(await server.admin.pttl(log)).toBeGreaterThan(0);
  });

  test('costs Redis two commands fewer than one on which little is published', async () => {
    const { server, channel } = current;
    await loadCountedLibrary(server.admin, { prefix: 'fanfare', namespaces: new Namespaces() });
    const publish = () => costOf(server.admin, 'publish', keysOf(channel), ['1']);
    const first = await publish();
    const costs = [await publish(), await publish(), await publish()];
    expect(Math.min(...costs.map(({ commands }) => commands))).toBeLessThanOrEqual(first.commands - 2);
    expect(Math.min(...costs.map(({ commands }) => commands))).toBeLessThanOrEqual(6);
  });
});

describe('publishMany', () => {
  test('takes few calls for what is asked for in one turn, and answers each for itself', async () => {
    const { channel, server } = current;
    await publishTo(current, '0');
    await server.admin.config('RESETSTAT');
    const publications = (name: string) =>
      Array.from({ length: 150 }, (_, n) => ({ channel: name, data: String(n), key: `b:${n % 149}` }));
    const [one, two] = await Promise.all([
      broker().publishMany(publications(channel)),
      broker().publishMany([...publications(`${channel}-2`), { channel: 'bad name', data: '1' }]),
    ]);
    const calls = /cmdstat_fcall:calls=(\d+)/.exec(await server.admin.info('commandstats'))?.[1];
    expect(Number(calls)).toBe(3);
    expect(one?.filter((outcome) => 'offset' in outcome)).toHaveLength(149);
    expect(one?.at(-1)).toMatchObject({ error: { code: 'idempotency_conflict' } });
    const again = await broker().publishMany(publications(channel).slice(0, 3));
    expect(again).toEqual(one?.slice(0, 3).map((outcome) => ({ ...outcome, duplicate: true })));
    expect(two?.at(-1)).toMatchObject({ error: { code: 'bad_channel_name' } });
    expect(dataOf(await readFrom(current, '-1')).slice(-149)).toEqual(
      Array.from({ length: 149 }, (_, n) => String(n)).slice(-100),
    );
  });

  test('stores what is published by itself behind what was asked for before it, in that turn and in the next', async () => {
    const { channel } = current;
    const word = (n: number) => ({ channel, data: String(n) });
    await Promise.all([broker().publishMany([{ ...word(1), key: 'b:1' }]), broker().publish(word(2))]);
    expect(dataOf(await readFrom(current, '-1'))).toEqual(['1', '2']);
    // More than one call takes: of the second nothing has been sent in the next turn.
    const lots = broker().publishMany(Array.from({ length: 200 }, (_, n) => word(n)));
    await new Promise(process.nextTick);
    const next = [broker().publish(word(200)), broker().publishMany([word(201), word(202)])] as const;
    await new Promise(process.nextTick);
    await Promise.all([lots, ...next, broker().publish(word(203))]);
    expect(dataOf(await readFrom(current, '-1')).slice(-5)).toEqual(['199', '200', '201', '202', '203']);
    await expect(
      Promise.all([broker().publishMany([word(1)]), broker().publish({ channel: 'bad name', data: '1' })]),
    ).rejects.toThrow(expect.objectContaining({ code: 'bad_channel_name' }));
  });

  test('says what is not known when no answer comes, and sends nothing behind it', async () => {
    const { channel, server } = current;
    const publications = Array.from({ length: 200 }, (_, n) => ({ channel, data: String(n) }));
    server.pause();
    const outcomes = broker().publishMany(publications);
    await server.kill();
    const codes = (await outcomes).map((outcome) => ('error' in outcome ? outcome.error.code : 'stored'));
    expect(codes.slice(0, 128)).toEqual(Array(128).fill('ack_timeout'));
    expect(codes.slice(128)).toEqual(Array(72).fill('broker_unavailable'));
    await server.restart();
  });
});
