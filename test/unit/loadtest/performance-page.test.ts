// The page that a bench writes says what it found, how, and what it would have refused.

import { expect, it } from 'vitest';
import { least } from '../../../loadtest/figures.js';
import { toMarkdown } from '../../../loadtest/performance-page.js';

const machine = { cpu: '2 × x', memoryGiB: 1, kernel: '6', node: 'v20', redis: '7', commit: 'abc' };
const ws = (burst: number, value: number) => ({
  what: `1000 WebSockets on 1 channel, flooded in bursts of ${burst}, ws logged`,
  values: [value],
  unit: '× bare',
  digits: 2,
});

it('tells figures, budgets, thresholds, and what a burst does', () => {
  const budget = { what: 'a flood', values: [0.9], unit: '× bare', digits: 2, budget: least(0.8, 0.95) };
  const figures = [budget, ws(1, 0.8), ws(64, 2.25)];
  const page = toMarkdown({ date: '2026-01-01', command: 'x', machine, pairs: 7, figures, faults: [], marks: [] });
  expect(page).toContain('| a flood | 0.90 (0.90 to 0.90) × bare | ≥ 0.95 × bare (floor 0.8) | above the floor |');
  expect(page).toContain('bursts of 1 and of 64: ws at 0.80 and at 2.25 × bare');
  expect(page).toContain('less than 98 % of the rate');
  expect(page).toContain('used more than 90 % of a processor');
});
