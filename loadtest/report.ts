// A bench's result, and how its figures are told in the terminal.

import { type Figure, isRefused, median, verdict } from './figures.js';
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

export function budgeted(result: Result): readonly Figure[] {
  return result.figures.filter((figure) => figure.budget !== undefined);
}

export function informative(result: Result): readonly Figure[] {
  return result.figures.filter((figure) => figure.budget === undefined);
}

export function bound({ budget, unit }: Figure): string {
  if (budget === undefined) return '';
  const sign = budget.bound === 'least' ? '≥' : '≤';
  const floor = budget.floor === budget.goal ? '' : ` (floor ${budget.floor})`;
  return `${sign} ${budget.goal.toLocaleString('en')} ${unit}${floor}`;
}

export function spread(figure: Figure): string {
  if (isRefused(figure)) return 'refused';
  const { values, unit, digits } = figure;
  const show = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${show(median(values))} (${show(Math.min(...values))} to ${show(Math.max(...values))}) ${unit}`;
}
