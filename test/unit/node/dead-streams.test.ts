// Which of a node's streams a dead connection of the kernel is, whether the engine knows its peer's port or not.

import { expect, it } from 'vitest';
import { parseTable, type StalledSocket } from '../../../src/http/tcp-table.js';
import { DeadStreams, type StreamPeer } from '../../../src/node/clients/dead-streams.js';

const ADDRESS = '192.0.2.7';

/** A stream and its connection: dead, nothing of what it is handed is acknowledged. */
class FakePeer implements StreamPeer {
  readonly address = ADDRESS;
  readonly port: number | undefined;
  readonly realPort: number;
  isLost = false;
  isDead = false;
  handed = 0;
  unacknowledged = 0;

  constructor(realPort: number, isKnown: boolean) {
    this.realPort = realPort;
    this.port = isKnown ? realPort : undefined;
  }

  handedBytes(): number {
    return this.handed;
  }

  send(bytes: number): void {
    this.handed += bytes;
    if (this.isDead) this.unacknowledged += bytes;
  }

  nudge(spaces: number): void {
    this.send(spaces + 3);
  }

  lose(): void {
    this.isLost = true;
  }
}

function world(peers: readonly FakePeer[], others: readonly StalledSocket[] = []) {
  const open = () => peers.filter(({ isLost }) => !isLost);
  const stalled = async () => [
    ...others,
    ...open()
      .filter(({ isDead }) => isDead)
      .map(({ realPort, unacknowledged }) => ({
        address: ADDRESS,
        port: realPort,
        unacknowledgedBytes: unacknowledged,
        attempts: 6,
      })),
  ];
  const dead = new DeadStreams({ peers: open, port: () => 8080, stalled });
  /** A heartbeat to all, and a look. */
  const look = () => {
    for (const peer of open()) peer.send(18);
    return dead.look();
  };
  return { dead, look, lost: () => peers.filter(({ isLost }) => isLost).map(({ realPort }) => realPort) };
}

it('is found at once by the port of its peer', async () => {
  const peers = [1, 2, 3].map((port) => new FakePeer(port, true));
  const { look, lost, dead } = world(peers);
  await look();
  Object.assign(peers[1] ?? {}, { isDead: true });
  await look();
  expect(lost()).toEqual([2]);
  expect(dead.found).toBe(1);
});

it('is found among others of its address by what it was handed, and no other is', async () => {
  const peers = Array.from({ length: 20 }, (_, port) => new FakePeer(port, false));
  const { look, lost } = world(peers);
  await look();
  for (const peer of [peers[3], peers[11]]) Object.assign(peer ?? {}, { isDead: true });
  await look();
  await look();
  expect(lost()).toEqual([]);
  await look();
  expect(lost()).toEqual([3, 11]);
  for (let n = 0; n < 5; n++) await look();
  expect(lost()).toEqual([3, 11]);
});

it('is not taken for the dead connection of something else at its address', async () => {
  const peers = [new FakePeer(1, false), new FakePeer(2, false)];
  const socket = { address: ADDRESS, port: 99, unacknowledgedBytes: 0, attempts: 9 };
  const { look, lost } = world(peers, [socket]);
  for (let n = 0; n < 6; n++) {
    // As many bytes as each of them has been sent as a heartbeat.
    socket.unacknowledgedBytes += 18;
    await look();
  }
  expect(lost()).toEqual([]);
});

it('is not given up for a few attempts that nobody has answered yet', async () => {
  const peer = new FakePeer(1, true);
  const { look, lost } = world([peer], [{ address: ADDRESS, port: 1, unacknowledgedBytes: 50, attempts: 4 }]);
  await look();
  await look();
  expect(lost()).toEqual([]);
});

it('is read from a table of the kernel, for either family', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1598 1 0 100 0 0 10 0',
    '   1: 0100007F:1F90 0709A8C0:C350 01 0000002A:00000000 01:00000030 00000006     0        0 1599 2 0 20 4 30 10 -1',
    '   2: 0100007F:1F90 0709A8C0:C351 01 00000000:00000000 00:00000000 00000000     0        0 1600 1 0 20 4 30 10 -1',
    '   3: 0100007F:1F91 0709A8C0:C352 01 0000002A:00000000 01:00000030 00000006     0        0 1601 2 0 20 4 30 10 -1',
    '   4: 0100007F:1F90 0709A8C0:C353 01 0000002A:00000000 04:00000030 00000000     0        7 1602 2 0 20 4 30 10 -1',
  ].join('\n');
  const v6 =
    '   1: B80D0120000000000000000001000000:1F90 B80D0120000000000000000007000000:C350 01 00000001:00000000 01:00000030 00000002     0        0 1 2 0';
  const mapped =
    '   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000709A8C0:C350 01 00000001:00000000 01:00000030 00000002     0        0 1 2 0';
  expect(parseTable(table, 8080)).toEqual([
    { address: '192.168.9.7', port: 50_000, unacknowledgedBytes: 42, attempts: 6 },
    { address: '192.168.9.7', port: 50_003, unacknowledgedBytes: 42, attempts: 7 },
  ]);
  expect(parseTable(v6, 8080)).toMatchObject([{ address: '2001:db8::7', attempts: 2 }]);
  expect(parseTable(mapped, 8080)).toMatchObject([{ address: '192.168.9.7' }]);
});
