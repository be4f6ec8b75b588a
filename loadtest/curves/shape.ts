// What the file of curves must look like, said by hand: it is one small shape.

export const FORMAT = 'fanfare-curves-1';

type Fields = Readonly<Record<string, unknown>>;
/** What is wrong with a value, each with the place `at` which it is; empty when nothing is. */
type Check = (value: unknown, at: string) => readonly string[];

const text: Check = (value, at) => (typeof value === 'string' && value !== '' ? [] : [`${at}: expected a text`]);
const number: Check = (value, at) => (Number.isFinite(value) ? [] : [`${at}: expected a number`]);
const digits: Check = (value, at) =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 6 ? [] : [`${at}: expected 0 to 6`];
const measured: Check = (value, at) => (value === null ? [] : number(value, at));

function oneOf(...words: readonly string[]): Check {
  return (value, at) => (words.some((word) => word === value) ? [] : [`${at}: expected ${words.join(' or ')}`]);
}

function some(check: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value) || value.length === 0) return [`${at}: expected a list`];
    return value.flatMap((one, index) => check(one, `${at}.${index}`));
  };
}

function object(checks: Readonly<Record<string, Check>>): Check {
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at}: expected an object`];
    const prefix = at === WHOLE_FILE ? '' : `${at}.`;
    return Object.entries(checks).flatMap(([name, check]) => check((value as Fields)[name], `${prefix}${name}`));
  };
}

const WHOLE_FILE = 'all of it';
const SERIES = object({
  name: oneOf('bare', 'uws', 'ws'),
  points: some(object({ x: number, values: some(measured) })),
});
const RESULT = object({
  format: oneOf(FORMAT),
  command: text,
  machine: object({ cpu: text, memoryGiB: number, kernel: text, node: text, redis: text, commit: text }),
  curves: some(
    object({ name: text, what: text, x: text, unit: text, digits, date: text, commit: text, series: some(SERIES) }),
  ),
});

/** All that keeps a value from being a result of curves. */
export function mistakesIn(value: unknown): readonly string[] {
  return RESULT(value, WHOLE_FILE);
}
