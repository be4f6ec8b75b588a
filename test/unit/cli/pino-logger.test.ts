// What the log shows, and what it never shows.

import { expect, it } from 'vitest';
import { FanfareError } from '../../../src/lib/errors.js';
import { createPinoLogger } from '../../../src/lib/pino-logger.js';

function logged(fields: object, options: { pretty?: boolean } = {}): string {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  createPinoLogger({ level: 'info', fields: { role: 'node' }, destination, pretty: false, ...options }).info(
    fields,
    'hello',
  );
  return lines.join('');
}

it('writes one JSON line with time, level, fields and message', () => {
  const line = logged({ channel: 'news' });
  expect(JSON.parse(line)).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    pid: process.pid,
    role: 'node',
    channel: 'news',
    msg: 'hello',
  });
});

it('hides secrets by the name of their field', () => {
  const line = logged({ token: 'hunter2', headers: { authorization: 'Bearer hunter2' }, clusterSecret: 'hunter2' });
  expect(line).not.toContain('hunter2');
});

it('hides tokens and passwords of URLs wherever they stand', () => {
  const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
  const line = logged({ url: `/v1/ws?ticket=${token}`, redis: ['redis://app:hunter2@redis:6379'] });
  expect(line).not.toContain('eyJ');
  expect(line).not.toContain('hunter2');
  expect(line).toContain('redis://(hidden)@redis:6379');
});

it('shows errors with code and cause, without their secrets', () => {
  const cause = new Error('connect redis://app:hunter2@redis failed');
  const { error } = JSON.parse(logged({ error: new FanfareError('broker_unavailable', 'no', { cause }) }));
  expect(error).toMatchObject({ code: 'broker_unavailable', message: 'no', cause: { type: 'Error' } });
  expect(JSON.stringify(error)).not.toContain('hunter2');
});

it('keeps a line of a peer on one line', () => {
  expect(logged({ agent: 'a\nb\u001b[31m' }).trim().split('\n')).toHaveLength(1);
});

it('cuts what is too long or too deep, also a circle', () => {
  const circle: Record<string, unknown> = { text: 'x'.repeat(100_000) };
  circle.self = circle;
  expect(logged({ circle }).length).toBeLessThan(20_000);
});

it('ends at a cause that is its own cause', () => {
  const circle = Object.assign(new Error('away'), { code: 'ECONNRESET' });
  circle.cause = circle;
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  createPinoLogger({ level: 'info', destination, pretty: false }).warn({ error: circle }, 'odd');
  expect(JSON.parse(lines[0] ?? '').error).toMatchObject({ code: 'ECONNRESET', cause: { code: 'ECONNRESET' } });
});

it('writes for people on a terminal', () => {
  expect(logged({ channel: 'news' }, { pretty: true })).toMatch(/INFO.*hello/);
});

it('shows a fault that was expected without its stack below error, and any other with it', () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createPinoLogger({ level: 'info', destination, pretty: false });
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const away = new FanfareError('broker_unavailable', 'away', { cause });
  logger.warn({ error: away, channel: 'news' }, 'expected');
  logger.warn({ error: cause }, 'expected');
  logger.error({ error: away }, 'not expected');
  logger.warn({ error: new TypeError('odd') }, 'not expected');
  logger.warn({ error: Object.assign(new Error('odd'), { code: 'ERR_INVALID_ARG_TYPE' }) }, 'not expected');
  const [first, second, ...others] = lines.map((line) => JSON.parse(line));
  expect(first).toMatchObject({ channel: 'news', msg: 'expected' });
  expect(first.error).toEqual({
    ...{ type: 'FanfareError', code: 'broker_unavailable', message: 'away' },
    cause: { type: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
  });
  expect(second.error).not.toHaveProperty('stack');
  for (const { error } of others) expect(error.stack).toContain('pino-logger.test');
});
