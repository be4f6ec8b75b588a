// The table that the load test prints.

import type { Transport } from '../src/protocol/index.js';

/** What one transport came to. */
export interface Row {
  readonly transport: Transport;
  readonly clients: number;
  /** Messages per second: those that were asked for, and those that were acknowledged. */
  readonly asked: number;
  readonly achieved: number;
  readonly expected: number;
  readonly deliveries: number;
  readonly lost: number;
  readonly repeated: number;
  /** Why the row is worth nothing. */
  readonly faults: readonly string[];
  /** What was wrong with the machine or the driver meanwhile. */
  readonly doubts: readonly string[];
  /** Absent: refused, because of what stands in `faults` and `doubts`. */
  readonly figures: Figures | undefined;
}

export interface Figures {
  /** From the time when a message was due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU, user and system, per delivered message: the server's, that of the publisher and the clients, and that of Redis. */
  readonly serverUs: number;
  readonly driversUs: number;
  readonly redisUs: number;
  /** How late a driver's event loop was. */
  readonly lagP99Ms: number;
  /** Per delivery, at the clients' sockets, HTTP and WebSocket framing included, TCP and IP not. */
  readonly bytesDown: number;
  readonly bytesUp: number;
  readonly polls: number;
}

type Column = readonly [heading: string, cell: (row: Row) => string];

const COLUMNS: readonly Column[] = [
  ['transport', (row) => row.transport],
  ['clients', (row) => count(row.clients)],
  ['asked/s', (row) => rate(row.asked)],
  ['sent/s', (row) => rate(row.achieved)],
  ['deliveries', (row) => count(row.deliveries)],
  ['expected', (row) => count(row.expected)],
  ['lost', (row) => count(row.lost)],
  ['repeated', (row) => count(row.repeated)],
  figure('p50 ms', ({ p50Ms }) => p50Ms.toFixed(1)),
  figure('p99 ms', ({ p99Ms }) => p99Ms.toFixed(1)),
  figure('server µs/delivery', ({ serverUs }) => serverUs.toFixed(1)),
  figure('drivers µs', ({ driversUs }) => driversUs.toFixed(1)),
  figure('Redis µs', ({ redisUs }) => redisUs.toFixed(1)),
  figure('lag p99 ms', ({ lagP99Ms }) => lagP99Ms.toFixed(1)),
  figure('B down/delivery', ({ bytesDown }) => count(bytesDown)),
  figure('B up/delivery', ({ bytesUp }) => count(bytesUp)),
  figure('polls', ({ polls }) => count(polls)),
];

export function toTable(rows: readonly Row[]): string {
  const cells = [COLUMNS.map(([heading]) => heading), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, at) => pad(cell, widths[at] ?? 0, at)).join('  '));
  return [...lines, ...rows.flatMap(remarks)].join('\n');
}

/** A figure that counts, one that was let pass (`*`), or none. */
function figure(heading: string, show: (figures: Figures) => string): Column {
  return [
    heading,
    ({ figures, doubts }) => (figures === undefined ? 'refused' : `${show(figures)}${doubts.length > 0 ? '*' : ''}`),
  ];
}

function remarks({ transport, faults, doubts, figures }: Row): readonly string[] {
  const sign = figures === undefined ? 'refused' : '* do not quote';
  return [
    ...faults.map((fault) => `INVALID: ${transport}: ${fault}`),
    ...doubts.map((doubt) => `${sign}: ${transport}: ${doubt}`),
  ];
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function rate(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
