// What one ordinary ticket can do that was meant for no client. Each is a round, made again and again.

import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { bodyOf, post, rawPost, rawThat, socketThat, type Victim } from './attacker.js';

export interface Attack {
  readonly name: string;
  /** Resolves when what one attacker does at once is done, whatever came of it. `n` is another one each time. */
  round(victim: Victim, n: number): Promise<unknown>;
}

/** Of a master that there never was. */
const FOREIGN = '9999999999999-0000000000000001';
const SHORT = 'x'.repeat(40);
const LONG = 'x'.repeat(60_000);

const each = <T>(names: readonly string[], value: T) => Object.fromEntries(names.map((name) => [name, value]));
const missing = (n: number, count: number) => Array.from({ length: count }, (_, at) => `big:none-${n}-${at}`);
const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
const poll = (victim: Victim, channels: object, more = {}) =>
  post(victim, '/v1/poll', JSON.stringify({ channels, waitMs: 0, ...more }));

const READS: readonly Attack[] = [
  { name: 'offsets of its own making', round: (victim) => poll(victim, each(victim.big, FOREIGN)) },
  { name: 'polls of large histories', round: (victim) => poll(victim, each(victim.big.slice(0, 1), '-1')) },
  {
    name: 'polls of which it reads no answer',
    round: (victim) => rawPost(victim, '/v1/poll', JSON.stringify({ channels: each(victim.big, '-1'), waitMs: 0 }), 20),
  },
  {
    name: 'the last thousand',
    round: (victim) => poll(victim, each(victim.big, { last: 1_000 }), { features: ['positions'] }),
  },
  {
    name: 'what rides along with more',
    async round(victim, n) {
      const answer = bodyOf<{ channels?: Record<string, { offset: string }> }>(await poll(victim, { 'big:1': '-1' }));
      const offset = answer?.channels?.['big:1']?.offset ?? '-1';
      await poll(victim, { ...each(missing(n, 127), '-1'), 'big:1': offset });
    },
  },
  { name: 'channels that are not there', round: (victim, n) => poll(victim, each(missing(n, 128), '-1')) },
  {
    name: 'replays by socket',
    round: (victim) =>
      socketThat(victim, (_, send) => {
        for (let turn = 0; turn < 20; turn++) {
          send({ type: 'subscribe', channels: each(victim.big, '-1') });
          send({ type: 'unsubscribe', channels: victim.big });
        }
      }),
  },
  {
    name: 'replays that are not read',
    round: (victim) =>
      socketThat(
        victim,
        (socket, send) => {
          send({ type: 'subscribe', channels: each(victim.big, '-1') });
          socket.pause();
        },
        5_000,
      ),
  },
  {
    name: 'streams that are not read',
    round: (victim) => rawPost(victim, '/v1/stream', JSON.stringify({ channels: each(victim.big, '-1') }), 5_000),
  },
  {
    name: 'polls that wait',
    round: (victim, n) => {
      const body = JSON.stringify({ channels: each(missing(n, 20), 'now'), waitMs: 60_000 });
      return Promise.all(times(20, () => rawPost(victim, '/v1/poll', body, 1_000)));
    },
  },
];

const BODIES: readonly Attack[] = [
  {
    name: 'polls of many keys',
    round: (victim) => post(victim, '/v1/poll', `{"channels":{${times(95_000, (n) => `"k${n}":1`).join(',')}}}`),
  },
  {
    name: 'publishes of many keys',
    round: (victim) => post(victim, '/v1/publish', `{${'"":1,'.repeat(170_000)}"channel":"big:1"}`),
  },
  {
    name: 'bodies of many brackets',
    round: (victim) => post(victim, '/v1/publish', `{"channel":"big:1","data":${'['.repeat(500_000)}`),
  },
  {
    name: 'half a body',
    round: (victim) => rawPost(victim, '/v1/publish', `{"channel":"big:1","data":"${LONG}`, 2_000, 900_000),
  },
  {
    name: 'bodies that are answered early',
    round: (victim, n) =>
      rawThat(
        victim,
        `${['GET /livez', 'PUT /v1/poll', 'POST /v1/nothing'][n % 3]} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${LONG.length.toString(16)}\r\n${LONG}\r\n0\r\n\r\n`,
        200,
      ),
  },
  {
    name: 'frames of many keys',
    round: (victim) =>
      socketThat(victim, (socket) => {
        const frame = `{"type":"subscribe","id":2,"channels":{${times(6_000, (n) => `"${n}":1`).join(',')}}}`;
        for (let n = 0; n < 20; n++) if (socket.readyState === WebSocket.OPEN) socket.send(frame);
      }),
  },
];

const WRITES: readonly Attack[] = [
  {
    name: 'long messages',
    round: (victim) => post(victim, '/v1/publish', JSON.stringify({ channel: 'big:4', data: LONG })),
  },
  {
    name: 'publishes of many sockets',
    round: (victim, n) =>
      Promise.all(
        times(10, (at) =>
          socketThat(victim, (_, send) => {
            for (let m = 0; m < 30; m++)
              send({ type: 'publish', channel: 'big:5', data: SHORT, key: `${n}-${at}-${m}` });
          }),
        ),
      ),
  },
];

const LINKS: readonly Attack[] = [
  { name: 'sockets', round: (victim) => Promise.all(times(20, () => socketThat(victim, () => undefined))) },
  {
    name: 'subscribes and leaves',
    round: (victim, n) =>
      socketThat(victim, (_, send) => {
        for (let turn = 0; turn < 20; turn++) {
          const names = missing(n * 20 + turn, 100);
          send({ type: 'subscribe', channels: each(names, 'now') });
          send({ type: 'unsubscribe', channels: names });
        }
      }),
  },
  {
    name: 'pings of which it reads no answer',
    round: (victim) =>
      socketThat(
        victim,
        async (socket) => {
          socket.pause();
          for (let n = 0; n < 50 && socket.readyState === WebSocket.OPEN; n++) {
            for (let m = 0; m < 200; m++) socket.ping(SHORT);
            await pause(20);
          }
        },
        2_000,
      ),
  },
  {
    name: 'reservations',
    round: (victim) => post({ ...victim, ticket: victim.token }, '/v1/connect', '{}'),
  },
  {
    name: 'pipelines of what is not there',
    round: (victim) => rawThat(victim, 'GET /nope HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2_000), 500),
  },
  {
    name: 'pipelines of files',
    round: (victim) => rawThat(victim, 'GET /sdk.js.map HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2_000), 5_000),
  },
  {
    name: 'other upgrades',
    round: (victim) =>
      rawThat(victim, 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 2_000),
  },
];

export const ATTACKS: readonly Attack[] = [...READS, ...BODIES, ...WRITES, ...LINKS];
