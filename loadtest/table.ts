// The table that the load test prints.

import type { Transport } from '../src/protocol/index.js';

/** What one transport came to. */
export interface Row {
  readonly transport: Transport;
  readonly clients: number;
  readonly expected: number;
  readonly deliveries: number;
  /** Gaps, errors and ended links. */
  readonly surprises: number;
  /** The first of them. */
  readonly surprise: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Server CPU, user and system, per delivered message. */
  readonly cpuUsPerDelivery: number;
  /** At the clients' sockets, HTTP and WebSocket framing included, TCP and IP not. */
  readonly bytesDownPerDelivery: number;
  readonly bytesUpPerDelivery: number;
  readonly polls: number;
}

type Column = readonly [heading: string, cell: (row: Row) => string];

const COLUMNS: readonly Column[] = [
  ['transport', (row) => row.transport],
  ['clients', (row) => count(row.clients)],
  ['deliveries', (row) => count(row.deliveries)],
  ['expected', (row) => count(row.expected)],
  ['lost', (row) => count(row.expected - row.deliveries)],
  ['p50 ms', (row) => row.p50Ms.toFixed(1)],
  ['p99 ms', (row) => row.p99Ms.toFixed(1)],
  ['CPU µs/delivery', (row) => row.cpuUsPerDelivery.toFixed(1)],
  ['B down/delivery', (row) => count(row.bytesDownPerDelivery)],
  ['B up/delivery', (row) => count(row.bytesUpPerDelivery)],
  ['B/delivery', (row) => count(row.bytesDownPerDelivery + row.bytesUpPerDelivery)],
  ['polls', (row) => count(row.polls)],
];

export function toTable(rows: readonly Row[]): string {
  const cells = [COLUMNS.map(([heading]) => heading), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, at) => pad(cell, widths[at] ?? 0, at)).join('  '));
  const surprises = rows.filter((row) => row.surprises > 0);
  return [
    ...lines,
    ...surprises.map((row) => `${row.transport}: ${row.surprises} surprises, the first: ${row.surprise}`),
  ].join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
