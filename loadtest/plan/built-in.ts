// The lab's own scenarios, as tables: the whole run, and the quick one that ends within two minutes on two cores.

import { DEFAULTS, ENGINES, FANFARES, type Scenario } from './arm.js';

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
  scenario('re-polling', 'one message a second to 500 clients, by the pause between polls', {
    engine: ['uws'],
    transport: ['websocket', 'sse', 'long-poll', 'short-poll'],
    links: [500],
    rate: [1],
    pollEvery: DELAYS,
    seconds: [20],
  }),
  scenario('brokers', 'the memory broker beside Redis', {
    engine: FANFARES,
    transport: ['websocket'],
    broker: ['redis', 'memory'],
    links: [200],
    rate: [10],
  }),
  scenario('idle', 'memory of an idle, subscribed link', {
    engine: ENGINES,
    transport: ['websocket', 'sse', 'long-poll'],
    links: [5_000],
    rate: ['idle'],
  }),
];

export const QUICK: readonly Scenario[] = [
  scenario('fan-out', '1 channel × 100 links, 20 messages a second', {
    engine: ENGINES,
    transport: ['websocket', 'sse', 'long-poll'],
    links: [100],
    rate: [20],
    seconds: [1],
  }),
  scenario('re-polling', 'four messages a second to 100 clients, by the pause between polls', {
    transport: ['short-poll'],
    links: [100],
    rate: [4],
    pollEvery: [250, 500, 1_000],
    seconds: [1],
  }),
  scenario('idle', 'memory of an idle, subscribed link', {
    engine: ['uws', 'nchan'],
    transport: ['websocket'],
    links: [1_000],
    rate: ['idle'],
  }),
];
