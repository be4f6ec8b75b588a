// What is said of a body with many parts: which one is wrong, and how many there are.

import { describe, expect, it } from 'vitest';
import {
  decodeCommand,
  decodeConnectRequest,
  decodePollRequest,
  decodePublishRequest,
  decodeStreamRequest,
} from '../../../src/protocol/index.js';

const problemOf = (decoded: ReturnType<typeof decodePublishRequest | typeof decodePollRequest>) =>
  decoded.ok ? undefined : decoded.problem;
const GOOD = { channel: 'ok', data: 1 };
/** Seventeen that are good, and one. */
const last = (message: unknown) => JSON.stringify({ messages: [...Array(17).fill(GOOD), message] });
const positions = (channels: object) => JSON.stringify({ channels, features: ['positions'] });

describe('a refusal', () => {
  it.each([
    [{ ...GOOD, key: 'a b' }, 'messages[17]: "key": expected printable ASCII characters without spaces', 'ok'],
    [{ channel: 'ok' }, 'messages[17]: "data": expected a JSON value, got nothing', 'ok'],
    [{ ...GOOD, history: 7 }, 'messages[17]: "history": expected true or false, got 7', 'ok'],
    [{ ...GOOD, channels: ['ok'] }, 'messages[17]: "channels" is reserved', 'ok'],
    [5, 'messages[17]: expected a JSON object, got 5', undefined],
    [{ channel: 'a b', data: 1 }, /^messages\[17\]: .*, got "a b"$/, undefined],
    [{ data: 1 }, /^messages\[17\]: .*, got nothing$/, undefined],
  ])('of a message of several names its place: %j', (message, told, channel) => {
    const problem = problemOf(decodePublishRequest(last(message)));
    expect(problem?.message).toEqual(
      typeof told === 'string' ? expect.stringContaining(told) : expect.stringMatching(told),
    );
    expect(problem?.channel).toBe(channel);
  });

  it('of a channel of several names its place', () => {
    const body = JSON.stringify({ channels: ['ok', 'ok:1', 5], data: 1 });
    expect(problemOf(decodePublishRequest(body))?.message).toMatch(/^channels\[2\]: .*, got 5$/);
    const frame = JSON.stringify({ type: 'unsubscribe', id: 1, channels: ['ok', 'a b'] });
    expect(decodeCommand(frame)).toMatchObject({ problem: { message: expect.stringMatching(/^channels\[1\]: /) } });
  });

  it.each([
    [{ last: 'x' }, '"last": expected an integer from 0 to 1000, got "x"'],
    [{ maxPerSecond: 0 }, '"maxPerSecond": expected an integer from 1 to'],
    [{ after: 'now', last: 1 }, 'expected one of "after" and "last", got both'],
    [[], 'expected a JSON object, got an empty array'],
    [{ after: 7 }, 'expected "-1", "now" or an offset, got 7'],
  ])('of a position names its channel, on every transport: %j', (position, told) => {
    const body = positions({ ok: 'now', 'ok:1': position });
    const frame = JSON.stringify({ type: 'subscribe', id: 1, channels: { ok: 'now', 'ok:1': position } });
    for (const decoded of [decodePollRequest(body), decodeStreamRequest(body), decodeCommand(frame, ['positions'])]) {
      expect(decoded).toMatchObject({
        problem: { channel: 'ok:1', message: expect.stringMatching(/^"channels": (after )?"ok:1"/) },
      });
      expect(decoded).toMatchObject({ problem: { message: expect.stringContaining(told) } });
    }
  });

  it.each([
    [{ exclude: Array(9).fill('n') }, '"exclude": expected an array of at most 8 strings, got an array of 9'],
    [{ exclude: ['n', 5] }, 'exclude[1]: expected a string, got 5'],
    [{ exclude: 'n' }, '"exclude": expected an array of at most 8 strings, got "n"'],
    [{ transports: ['sse', null] }, 'transports[1]: expected a string, got null'],
  ])('of a list says how many there are, or which one is wrong: %j', (body, told) => {
    expect(decodeConnectRequest(JSON.stringify(body))).toMatchObject({ problem: { message: told } });
  });

  it('of an array says how long it is', () => {
    const features = Array(33).fill('batch');
    expect(problemOf(decodePollRequest(JSON.stringify({ channels: { ok: 'now' }, features })))?.message).toBe(
      '"features": expected an array of at most 32 strings, got an array of 33',
    );
    const frame = JSON.stringify({ type: 'unsubscribe', id: 1, channels: [] });
    expect(decodeCommand(frame)).toMatchObject({
      problem: { message: '"channels": expected an array of channel names, got an empty array' },
    });
  });
});
