// What Redis' and ioredis' errors mean to a publisher and a reader.

import { expect, test } from 'vitest';
import { toFanfareError } from '../../../src/broker/redis/errors.js';
import { FanfareError } from '../../../src/lib/errors.js';

test.each([
  ['BADCHANNEL a channel name …', 'bad_channel_name'],
  ['BADKEY an idempotency key …', 'bad_idempotency_key'],
  ['TOOLARGE a message …', 'payload_too_large'],
  ['CONFLICT the idempotency key …', 'idempotency_conflict'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'storage_full'],
  ['NOREPLICAS Not enough good replicas to write.', 'replicas_unavailable'],
  ["READONLY You can't write against a read only replica.", 'broker_unavailable'],
  ['LOADING Redis is loading the dataset in memory', 'broker_unavailable'],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'broker_unavailable'],
  ['CLUSTERDOWN The cluster is down', 'broker_unavailable'],
  ['MOVED 3999 127.0.0.1:6381', 'broker_unavailable'],
  ['ASK 3999 127.0.0.1:6381', 'broker_unavailable'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'broker_unavailable'],
  ['MISCONF Redis is configured to save RDB snapshots, but …', 'broker_unavailable'],
  ['BUSY Redis is busy running a script.', 'broker_unavailable'],
  ['NOAUTH Authentication required.', 'broker_unavailable'],
  ["NOPERM this user has no permissions to run the 'fcall' command", 'broker_unavailable'],
  [
    "ERR The user executing the script can't run this command or subcommand script: f, on @user_function:1.",
    'broker_unavailable',
  ],
  [
    "ERR ACL failure in script: User app has no permissions to run the 'getrange' command script: f",
    'broker_unavailable',
  ],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'internal'],
  ['BADLOG fanfare:{news}:log or its tail ends with …', 'internal'],
  ['ERR something else', 'internal'],
])('the reply "%s" is %s, whether written or read', (message, code) => {
  for (const effect of ['write', 'read'] as const) {
    expect(toFanfareError(new Error(message), effect)).toMatchObject({ code, outcome: undefined });
  }
});

test('no answer to a write is an unknown outcome; to a read it is an outage', () => {
  for (const message of ['Command timed out', 'Connection is closed.', 'Reached the max retries per request limit']) {
    expect(toFanfareError(new Error(message), 'write')).toMatchObject({ code: 'ack_timeout', outcome: 'unknown' });
    expect(toFanfareError(new Error(message), 'read')).toMatchObject({
      code: 'broker_unavailable',
      retryAfterMs: 1_000,
    });
  }
});

test.each([
  "Stream isn't writeable and enableOfflineQueue options is false",
  'Too many Cluster redirections. Last error: ReplyError: MOVED 3999 127.0.0.1:6381',
  'Too many Cluster redirections. Last error: ReplyError: ASK 3999 127.0.0.1:6381',
  'Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request during rehashing of slot',
  'Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down',
  'Cluster is ended.',
])('"%s" is an outage: nothing was done', (message) => {
  const error = new Error(message);
  expect(toFanfareError(error, 'write')).toMatchObject({
    code: 'broker_unavailable',
    outcome: undefined,
    cause: error,
  });
});

test.each([
  'Too many Cluster redirections. Last error: Error: Connection is closed.',
  'Too many Cluster redirections. Last error: Error: Command timed out',
  'Too many Cluster redirections. Last error: Error: read ECONNRESET',
])('"%s" of a write is an unknown outcome: the last attempt may have been carried out', (message) => {
  expect(toFanfareError(new Error(message), 'write')).toMatchObject({ code: 'ack_timeout', outcome: 'unknown' });
  expect(toFanfareError(new Error(message), 'read')).toMatchObject({ code: 'broker_unavailable' });
});

test('where the last of many redirections ends with a reply, it means what it means by itself', () => {
  const full = new Error(
    'Too many Cluster redirections. Last error: ReplyError: OOM command not allowed when used memory',
  );
  expect(toFanfareError(full, 'write')).toMatchObject({ code: 'storage_full', outcome: undefined, cause: full });
});

test('our own errors pass', () => {
  const error = new FanfareError('internal', 'x');
  expect(toFanfareError(error, 'write')).toBe(error);
});
