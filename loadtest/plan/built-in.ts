// The lab's own scenarios, as tables: the whole run, and the quick one that ends within two minutes on two cores.

import { BROKERS, DEFAULTS, ENGINES, FANFARES, PUBLISHED_BY, type Scenario } from './arm.js';

function scenario(name: string, what: string, columns: Partial<Scenario>): Scenario {
  return { ...DEFAULTS, ...columns, name, what };
}

/** Delays between which somebody who polls chooses. */
const DELAYS = [500, 1_000, 2_000, 5_000, 10_000];

export const FULL: readonly Scenario[] = [
  scenario('fan-out', '1 channel × 1,000 links, 20 messages a second', {
    engine: ENGINES,
    transport: ['websocket', 'sse'],
    links: [1_000],
    rate: [20],
  }),
  scenario('long-polls', '1 channel × 1,000 long polls, 4 messages a second', {
    engine: ENGINES,
    transport: ['long-poll'],
    links: [1_000],
    rate: [4], // what the slowest of them, ws, can answer
  }),
  scenario('flood', '1 channel × 1,000 links, bursts of 64, the next when all have the last', {
    engine: ENGINES,
    transport: ['websocket', 'sse'],
    links: [1_000],
    rate: ['flood'],
    batch: [64],
    joins: [false, true],
    seconds: [3],
  }),
  scenario('one-each', 'one channel for each of 1,000 links, bursts of 64', {
    engine: ENGINES,
    transport: ['websocket'],
    links: [1_000],
    channels: [1_000],
    rate: ['flood'],
    batch: [64],
    seconds: [3],
  }),
  scenario('rooms', '100 rooms of 10 links, 50 messages a second', {
    engine: ENGINES,
    transport: ['websocket', 'sse', 'long-poll'],
    links: [1_000],
    channels: [100],
    rate: [50],
  }),
  scenario('payloads', 'messages of 128 bytes to 16 KiB', {
    engine: ['uws'],
    transport: ['websocket', 'sse', 'long-poll'],
    links: [200],
    rate: [10],
    payload: [128, 1_024, 16_384],
  }),
  scenario('re-polling', 'one message a second to 2,000 clients, by the pause between polls', {
    engine: ['uws'],
    transport: ['websocket', 'sse', 'long-poll', 'short-poll'],
    links: [2_000],
    rate: [1],
    pollEvery: DELAYS,
    seconds: [20],
  }),
  scenario('slow-readers', '1,000 links, of which 50 stop, trickle or never read; messages of 4 KiB', {
    engine: FANFARES,
    transport: ['websocket', 'sse'],
    links: [1_000],
    slow: [0, 50],
    rate: [10],
    payload: [4_096],
    seconds: [10],
  }),
  scenario('connects', '4,000 clients connect, authenticate and subscribe in waves of 200', {
    engine: ENGINES,
    transport: ['websocket', 'sse'],
    links: [4_000],
    rate: ['connects'],
  }),
  scenario('returns', '2,000 clients come back at once, each to a channel of 20 on which 50 messages were missed', {
    engine: FANFARES,
    transport: ['websocket'],
    links: [2_000],
    channels: [100],
    rate: ['returns'],
    batch: [50],
  }),
  scenario('ramp', '1 channel × 1,000 links, the rate rises until something gives', {
    engine: ENGINES,
    transport: ['websocket'],
    links: [1_000],
    rate: ['ramp'],
    seconds: [2],
  }),
  scenario('publishing', '1 link, bursts of 64 messages, by how they are published', {
    transport: ['websocket'],
    links: [1],
    rate: ['flood'],
    batch: [64],
    publishedBy: PUBLISHED_BY,
    seconds: [3],
  }),
  scenario('brokers', 'a Redis, a Redis Cluster of three masters and the memory broker, 50 rooms of 4 links', {
    engine: FANFARES,
    transport: ['websocket'],
    broker: BROKERS,
    links: [200],
    channels: [50],
    rate: [100],
  }),
  scenario('idle', 'memory of an idle, subscribed link', {
    engine: ENGINES,
    transport: ['websocket', 'sse', 'long-poll'],
    links: [5_000],
    rate: ['idle'],
  }),
];

/** One channel × 300 links; so many messages are a measurement of a second. */
const quickFanOut = (engine: Scenario['engine'], transport: Scenario['transport']): Scenario =>
  scenario('fan-out', '1 channel × 300 links, 20 messages a second', {
    ...{ engine, transport, links: [300], rate: [20], seconds: [1] },
  });

/** Two rounds of it take less than two minutes: what it leaves out, the whole run has. */
export const QUICK: readonly Scenario[] = [
  quickFanOut(['uws', 'nchan'], ['websocket', 'sse', 'long-poll']),
  quickFanOut(['bare', 'socketio', 'nats'], ['websocket']),
  scenario('re-polling', 'four messages a second to 100 clients, by the pause between polls', {
    transport: ['short-poll'],
    links: [100],
    rate: [4],
    pollEvery: [500],
    seconds: [1],
  }),
  scenario('idle', 'memory of an idle, subscribed link', {
    engine: ['uws', 'nchan'],
    transport: ['websocket'],
    links: [1_000],
    rate: ['idle'],
  }),
];
