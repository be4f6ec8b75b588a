// Writes a bench's result: for the terminal, as docs/PERFORMANCE.md, and as JSON.

import { type Figure, isRefused, median, type Verdict, verdict } from './figures.js';
import type { Machine } from './machine.js';

export interface Result {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly pairs: number;
  readonly figures: readonly Figure[];
  /** Why the run is invalid; empty when it is not. */
  readonly faults: readonly string[];
  /** What is to be said of figures that were let pass. */
  readonly marks: readonly string[];
}

const MARKS: Record<Verdict, string> = { met: 'met', 'above the floor': 'above the floor', missed: '**MISSED**' };

/** 0: the figures count and no budget is missed. */
export function exitCode({ figures, faults }: Result): number {
  return faults.length > 0 || figures.some((figure) => verdict(figure) === 'missed') ? 1 : 0;
}

/** Plain text, budgets first. */
export function toText(result: Result): string {
  const lines = [...budgeted(result), ...informative(result)].map((figure) => {
    const said = verdict(figure);
    return [
      figure.what.padEnd(64),
      spread(figure).padEnd(44),
      said === undefined ? '' : `${bound(figure)}: ${said}`,
    ].join(' ');
  });
  const marks = result.marks.map((mark) => `BUSY, do not quote: ${mark}`);
  return [...lines, ...marks, ...result.faults.map((fault) => `INVALID: ${fault}`)].join('\n');
}

/** The page docs/PERFORMANCE.md. */
export function toMarkdown(result: Result): string {
  const { machine } = result;
  return `# Performance

Written by \`${result.command}\` on ${result.date}; do not edit. Run it on an otherwise idle machine.

Ratios are to a bare loop in the same run: an ioredis subscriber whose payloads go straight to \`app.publish\` of uWebSockets.js
([loadtest/bare/server.ts](../loadtest/bare/server.ts)), with the same Redis, publisher, clients and payload of 128 bytes. A server is
held against the bare loop under the same traffic: logged messages against a bare loop that forwards the data of the same logged messages,
live ones against one that forwards the same live ones (how messages arrive, in bursts or one by one, decides how many share a system call).
Servers take turns, ${result.pairs} rounds; each ratio is taken within one round, and the table shows the median with the extremes. What counts is CPU time
of the server process (user and system, from \`/proc\`) per delivery, not wall time. Every delivery is counted: a run with a
lost or repeated one is invalid and writes nothing.

| machine | |
|---|---|
| processors | ${machine.cpu} |
| memory | ${machine.memoryGiB} GiB |
| kernel | Linux ${machine.kernel} |
| Node | ${machine.node} |
| Redis | ${machine.redis} |
| commit | ${machine.commit} |

## Budgets

| what | median (min to max) | budget | |
|---|---|---|---|
${budgeted(result).map(budgetRow).join('\n')}

## Absolute figures

| what | median (min to max) |
|---|---|
${informative(result)
  .map((figure) => `| ${figure.what} | ${spread(figure)} |`)
  .join('\n')}

## What the words mean

- *flooded*: the publisher keeps up to 256 messages in flight, as fast as the clients take them; messages share a tick and a system call.
- *paced*: one message at a time, so every delivery is a system call of its own.
- *logged* messages are published with \`FCALL fanfare_publish\` (stored, ordered, with an offset), *live* ones with \`PUBLISH\`.
- *memory*: the slope of the server's resident memory between 2,000 and 10,000 connections, each a user with a token of its own.
`;
}

function budgeted(result: Result): readonly Figure[] {
  return result.figures.filter((figure) => figure.budget !== undefined);
}

function informative(result: Result): readonly Figure[] {
  return result.figures.filter((figure) => figure.budget === undefined);
}

function budgetRow(figure: Figure): string {
  const said = verdict(figure);
  return `| ${figure.what} | ${spread(figure)} | ${bound(figure)} | ${said === undefined ? '' : MARKS[said]} |`;
}

function bound({ budget, unit }: Figure): string {
  if (budget === undefined) return '';
  const sign = budget.bound === 'least' ? '≥' : '≤';
  const floor = budget.floor === budget.goal ? '' : ` (floor ${budget.floor})`;
  return `${sign} ${budget.goal.toLocaleString('en')} ${unit}${floor}`;
}

function spread(figure: Figure): string {
  if (isRefused(figure)) return 'refused';
  const { values, unit, digits } = figure;
  const show = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))}) ${unit}`;
}
