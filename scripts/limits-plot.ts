// Draws docs/limits.svg: what each algorithm lets pass of one traffic. `npx tsx scripts/limits-plot.ts` writes it.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRateLimiter, type RateLimitConfig } from '../src/limits/create-rate-limiter.js';

const FILE = new URL('../docs/limits.svg', import.meta.url);
const SECONDS = 6;
const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 48;
const BOTTOM = 40;
const TOP = 16;
const RIGHT = 16;

/** All of them let ten a second pass. */
const CURVES: readonly (readonly [label: string, color: string, config: RateLimitConfig])[] = [
  ['token-bucket, burst 10', '#1f77b4', { algorithm: 'token-bucket', perSecond: 10, burst: 10 }],
  ['leaky-bucket, burst 1', '#2ca02c', { algorithm: 'leaky-bucket', perSecond: 10, capacity: 1 }],
  ['fixed-window', '#d62728', { algorithm: 'fixed-window', limit: 10, windowMs: 1_000 }],
  ['sliding-window-log', '#9467bd', { algorithm: 'sliding-window-log', limit: 10, windowMs: 1_000 }],
  ['sliding-window-counter', '#ff7f0e', { algorithm: 'sliding-window-counter', limit: 10, windowMs: 1_000 }],
];

/** Twenty-four within a fifth of a second around a window's edge, a pause, twice the rate for two seconds, then half of it. */
export function traffic(): readonly number[] {
  const times: number[] = [];
  for (let n = 0; n < 24; n++) times.push(900 + Math.round((n * 200) / 24));
  for (let atMs = 2_500; atMs < 4_500; atMs += 50) times.push(atMs);
  for (let atMs = 4_600; atMs < 6_000; atMs += 200) times.push(atMs);
  return times;
}

/** When a request passed. */
function passed(config: RateLimitConfig, times: readonly number[]): readonly number[] {
  const limiter = createRateLimiter(config);
  return times.filter((atMs) => limiter.take(1, atMs).allowed);
}

function path(times: readonly number[], most: number): string {
  const x = (atMs: number) => (LEFT + (atMs / (SECONDS * 1_000)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (count: number) => (HEIGHT - BOTTOM - (count / most) * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const steps = times.map((atMs, index) => `H${x(atMs)}V${y(index + 1)}`);
  return `M${x(0)} ${y(0)}${steps.join('')}H${x(SECONDS * 1_000)}`;
}

function axes(most: number): string {
  const ticks: string[] = [];
  for (let second = 0; second <= SECONDS; second++) {
    const x = LEFT + (second / SECONDS) * (WIDTH - LEFT - RIGHT);
    ticks.push(`<line x1="${x}" y1="${TOP}" x2="${x}" y2="${HEIGHT - BOTTOM}" stroke="#8884"/>`);
    ticks.push(`<text x="${x}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${second} s</text>`);
  }
  for (let count = 0; count <= most; count += 10) {
    const y = HEIGHT - BOTTOM - (count / most) * (HEIGHT - BOTTOM - TOP);
    ticks.push(`<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}" stroke="#8884"/>`);
    ticks.push(`<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${count}</text>`);
  }
  return ticks.join('\n');
}

/** The whole file. */
export function limitsPlot(): string {
  const times = traffic();
  const most = Math.ceil(times.length / 10) * 10;
  const asked = `<path d="${path(times, most)}" fill="none" stroke="#888" stroke-dasharray="4 3"/>`;
  const curves = CURVES.map(
    ([, color, config]) =>
      `<path d="${path(passed(config, times), most)}" fill="none" stroke="${color}" stroke-width="2"/>`,
  );
  const legend = [
    `<text x="${LEFT + 12}" y="${TOP + 20}" fill="#888">asked for: ${times.length}</text>`,
    ...CURVES.map(([label, color, config], index) => {
      const y = TOP + 38 + index * 18;
      return `<text x="${LEFT + 12}" y="${y}" fill="${color}">${label}: ${passed(config, times).length}</text>`;
    }),
  ];
  const title = 'Requests that passed so far, of one traffic, by five algorithms that let ten a second pass';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#888" role="img">`,
    `<title>${title}</title>`,
    axes(most),
    asked,
    ...curves,
    ...legend,
    '</svg>\n',
  ].join('\n');
}

/** Whether the file is not what it should be. */
export function isPlotStale(): boolean {
  return readFileSync(FILE, 'utf8') !== limitsPlot();
}

if (process.argv[1]?.endsWith('limits-plot.ts')) writeFileSync(FILE, limitsPlot());
