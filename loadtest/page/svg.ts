// Two kinds of charts as inline SVG, made to be read on a phone, on paper and without colours: bars with their extremes, and lines.

/** As wide as a phone shows it at its true size. */
const WIDTH = 360;
const ROW = 38;
const LEFT = 44;
const TOP = 28;
const RIGHT = 20;
const PLOT_HEIGHT = 180;
const LEGEND_ROW = 18;

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The value as it is told. */
  readonly text: string;
}

export interface Line {
  readonly label: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Axis {
  /** Ticks, each at its place from 0 to 1. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  /** From a value to its place. */
  readonly place: (value: number) => number;
  readonly title: string;
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A bar under each label; a whisker from the lowest round to the highest. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ high }) => high), Number.MIN_VALUE);
  const x = (value: number): string => ((Math.max(0, value) / most) * (WIDTH - 8) + 2).toFixed(1);
  const rows = bars.map(({ label, value, low, high, text }, at) => {
    const y = at * ROW;
    const middle = y + 25;
    return [
      `<text class="label" x="2" y="${y + 14}">${escapeXml(label)}</text>`,
      `<text class="value" x="${WIDTH - 2}" y="${y + 14}">${escapeXml(text)}</text>`,
      `<rect class="bar" x="2" y="${y + 19}" width="${(Number(x(value)) - 2).toFixed(1)}" height="12"/>`,
      `<path class="whisker" d="M${x(low)} ${middle}H${x(high)}M${x(low)} ${middle - 4}v8M${x(high)} ${middle - 4}v8"/>`,
    ].join('');
  });
  return svg(title, bars.length * ROW + 4, rows.join('\n'));
}

/** Dashes and marks tell the lines from each other, with and without colours. */
const DASHES = ['', '6 3', '2 3', '9 3 2 3', '1 5', '12 4', '4 2 1 2 1 2'];
const MARKS = [
  'M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0',
  'M-3-3h6v6h-6z',
  'M0-4l4 7h-8z',
  'M0-4l4 4l-4 4l-4-4z',
  'M0 4l4-7h-8z',
];

export function lineChart(title: string, lines: readonly Line[], across: Axis, up: Axis): string {
  const bottom = TOP + PLOT_HEIGHT;
  const x = (value: number): string => (LEFT + across.place(value) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string => (bottom - up.place(value) * PLOT_HEIGHT).toFixed(1);
  const grid = [
    ...up.ticks.map(({ at, text }) => {
      const level = (bottom - at * PLOT_HEIGHT).toFixed(1);
      return `<path class="grid" d="M${LEFT} ${level}H${WIDTH - RIGHT}"/><text class="tick end" x="${LEFT - 4}" y="${Number(level) + 4}">${escapeXml(text)}</text>`;
    }),
    ...across.ticks.map(({ at, text }) => {
      const place = (LEFT + at * (WIDTH - LEFT - RIGHT)).toFixed(1);
      return `<path class="grid" d="M${place} ${TOP}V${bottom}"/><text class="tick middle" x="${place}" y="${bottom + 14}">${escapeXml(text)}</text>`;
    }),
    `<text class="tick" x="2" y="${TOP - 16}">${escapeXml(up.title)}</text>`,
    `<text class="tick end" x="${WIDTH - RIGHT}" y="${bottom + 30}">${escapeXml(across.title)}</text>`,
  ];
  const legendTop = bottom + 48;
  const drawn = lines.map(({ label, points }, at) => {
    const [dash, mark] = [DASHES[at % DASHES.length] ?? '', MARKS[at % MARKS.length] ?? ''];
    const hue = `style="--hue:var(--hue-${at % 7})"`;
    const path = points.map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point.x)} ${y(point.y)}`).join('');
    const marks = points.map(
      (point) => `<path class="mark" transform="translate(${x(point.x)} ${y(point.y)})" d="${mark}"/>`,
    );
    const level = legendTop + at * LEGEND_ROW;
    return [
      `<g class="series" ${hue}><path class="line" stroke-dasharray="${dash}" d="${path}"/>${marks.join('')}`,
      `<path class="line" stroke-dasharray="${dash}" d="M4 ${level - 4}H38"/><path class="mark" transform="translate(21 ${level - 4})" d="${mark}"/>`,
      `<text class="label" x="46" y="${level}">${escapeXml(label)}</text></g>`,
    ].join('');
  });
  return svg(title, legendTop + lines.length * LEGEND_ROW, [...grid, ...drawn].join('\n'));
}

/** Powers of ten from the lowest to the highest value. */
export function logAxis(title: string, values: readonly number[]): Axis {
  const sound = values.filter((value) => value > 0);
  const first = Math.floor(Math.log10(Math.min(...sound, 1)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...sound, 1))));
  const place = (value: number) => clamp((Math.log10(Math.max(value, 10 ** first)) - first) / (last - first));
  const powers = Array.from({ length: last - first + 1 }, (_, at) => 10 ** (first + at));
  return {
    title,
    place,
    ticks: powers.map((value) => ({ at: place(value), text: String(Number(value.toPrecision(1))) })),
  };
}

/** Percentiles, spread as their rarity is: 90, 99 and 99.9 lie equally far apart. */
export function percentileAxis(title: string): Axis {
  const place = (percentile: number) => clamp(-Math.log10(1 - Math.min(percentile, 99.99) / 100) / 4);
  return {
    title,
    place,
    ticks: [0, 50, 90, 99, 99.9, 99.99].map((value) => ({ at: place(value), text: String(value) })),
  };
}

function clamp(place: number): number {
  return Math.min(1, Math.max(0, place));
}

function svg(title: string, height: number, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}" xmlns="http://www.w3.org/2000/svg">\n${content}\n</svg>`;
}
