// The tables of docs/CAPACITY.md, each between comments that name it; what stands around them is written by hand.

import { describeMachine } from '../machine.js';

/** The heads of the tables, by name. */
export const HEADS = {
  redis: ['what', 'as Redis comes: `stream-node-max-bytes 4096`', '`1024`', '`512`'],
  rest: ['process', 'engine', 'MiB'],
  links: ['a link more', '`uws`, KiB', '`ws`, KiB'],
  deliveries: ['1,000 clients', '`uws`', '`ws`'],
} as const;
export type Figures = typeof HEADS;

export function page(name: keyof Figures, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(HEADS[name]), `|${'---|'.repeat(HEADS[name].length)}`, ...rows.map(line)].join('\n');
}

/** What it was measured on, and when. */
export function machineLine(): string {
  const { cpu, memoryGiB, node, redis, commit } = describeMachine();
  const date = new Date().toISOString().slice(0, 10);
  return `Measured ${date} at ${commit}: ${cpu}, ${memoryGiB} GiB, Node ${node}, Redis ${redis}.`;
}

/** The page with another table of that name. Throws where it has no place for it. */
export function withTable(text: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/CAPACITY.md has no place for ${name}`);
  return `${text.slice(0, from)}${begin}\n${table}\n${text.slice(to)}`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
