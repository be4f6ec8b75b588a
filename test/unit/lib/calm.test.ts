// What may happen a thousand times a second is a line a minute, and how often it was is told.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { calm } from '../../../src/lib/calm.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const MINUTE_MS = 60_000;
const BROKEN = 'a channel is broken';

describe('a calm log', () => {
  let logger: RecordingLogger;
  beforeEach(() => {
    vi.useFakeTimers();
    logger = new RecordingLogger();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const told = () => logger.lines.map(({ fields }) => fields);

  it('writes the first of a cause as it is, and a minute later how many more there were', () => {
    for (let offset = 1; offset <= 1_000; offset++) calm(logger).warn({ channel: 'a', offset }, BROKEN);
    expect(told()).toEqual([{ channel: 'a', offset: 1 }]);
    vi.advanceTimersByTime(2 * MINUTE_MS);
    expect(told()).toEqual([
      { channel: 'a', offset: 1 },
      { channel: 'a', more: 999 },
    ]);
  });

  it('writes no more than a line a minute of a cause that goes on, and the sum of them is all that there was', () => {
    let count = 0;
    const going = setInterval(() => {
      count++;
      calm(logger).error({ error: new Error('broken') }, BROKEN);
    }, 10);
    vi.advanceTimersByTime(10 * MINUTE_MS);
    clearInterval(going);
    expect(told().length).toBeLessThanOrEqual(11);
    vi.advanceTimersByTime(2 * MINUTE_MS);
    const more = told().map((fields) => ('more' in fields ? Number(fields.more) : 1));
    expect(more.reduce((sum, one) => sum + one)).toBe(count);
  });

  it('tells channels, nodes, codes, origins and errors apart, and not the occasions', () => {
    const causes = [
      { channel: 'a' },
      { channel: 'b' },
      { node: 'a' },
      { code: 'a' },
      { origin: 'a' },
      { error: new TypeError('a') },
      { error: new TypeError('b') },
    ];
    for (const fields of [...causes, ...causes]) calm(logger).warn({ ...fields, requestId: Math.random() }, BROKEN);
    expect(logger.lines).toHaveLength(causes.length);
  });

  it('writes a cause anew that was quiet for a while', () => {
    calm(logger).warn({ channel: 'a' }, BROKEN);
    vi.advanceTimersByTime(3 * MINUTE_MS);
    expect(vi.getTimerCount()).toBe(0);
    calm(logger).warn({ channel: 'a' }, BROKEN);
    expect(told()).toEqual([{ channel: 'a' }, { channel: 'a' }]);
  });

  it('writes of one message so many lines at most, and takes the rest for one cause', () => {
    for (let n = 0; n < 5_000; n++) calm(logger).warn({ channel: `c${n}` }, BROKEN);
    calm(logger).warn({ channel: 'c0' }, 'another message');
    expect(logger.texts('warn').filter((text) => text === BROKEN)).toHaveLength(51);
    expect(logger.texts('warn')).toContain('another message');
    vi.advanceTimersByTime(2 * MINUTE_MS);
    expect(told().at(-1)).toEqual({ more: 4_949 });
  });

  it('is one for a log, whoever asks for it, and lets pass what only informs', () => {
    expect(calm(logger)).toBe(calm(logger));
    for (let n = 0; n < 3; n++) calm(logger).info({}, 'ready');
    expect(logger.texts('info')).toEqual(['ready', 'ready', 'ready']);
  });
});
