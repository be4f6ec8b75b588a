// What is read from `INFO replication`.

import { describe, expect, test } from 'vitest';
import { isReplica, onlineReplicas } from '../../../src/broker/redis/replication-info.js';

const info = (...replicas: string[]) =>
  [
    '# Replication',
    'role:master',
    `connected_slaves:${replicas.length}`,
    ...replicas,
    'master_failover_state:no',
    '',
  ].join('\r\n');
const replica = (n: number, rest: string) => `slave${n}:ip=10.0.0.${n},port=6379,${rest}`;

describe('of the replicas of a master', () => {
  test.each([
    ['none', info(), 0],
    ['one that is online', info(replica(0, 'state=online,offset=14,lag=1')), 1],
    ['one whose lag is -1', info(replica(0, 'state=online,offset=14,lag=-1')), 1],
    ['one that is silent for 10 s', info(replica(0, 'state=online,offset=14,lag=10')), 1],
    ['one that is silent for longer', info(replica(0, 'state=online,offset=14,lag=11')), 0],
    ['one that is being synchronised', info(replica(0, 'state=wait_bgsave,offset=0,lag=0')), 0],
    [
      'several, of which one is far behind',
      info(
        replica(0, 'state=online,offset=1,lag=0'),
        replica(1, 'state=online,offset=1,lag=60'),
        replica(2, 'state=send_bulk,offset=0,lag=0'),
        replica(3, 'state=online,offset=1,lag=1,type=rdb-channel'),
      ),
      2,
    ],
  ])('%s', (_, text, count) => {
    expect(onlineReplicas(text)).toBe(count);
    expect(isReplica(text)).toBe(false);
  });
});

test('a replica says that it is one', () => {
  expect(isReplica('# Replication\r\nrole:slave\r\nmaster_host:10.0.0.1\r\n')).toBe(true);
});
