// Reads limits: a map from name to limit, as JSON in a flag or variable or as YAML.

import { z } from 'zod';
import { jsonMapType } from './json-map-type.js';
import {
  BOUND_SUBJECTS,
  hasBurst,
  LIMIT_ALGORITHMS,
  type LimitRate,
  type LimitSubject,
  type NAMESPACE_LIMITS,
  RATE_SUBJECTS,
  type RateName,
  type WrittenBound,
  type WrittenLimit,
  type WrittenLimits,
} from './limits.js';
import { boolean, choice, durationMs, type Reading, readBoolean, valueType, wholeNumber } from './value-types.js';

const MAX_UNITS = 1_000_000;
const MAX_RATE_MS = 24 * 3_600_000;
const EXAMPLE = 'units per time, such as 20/s, 100/10s or 5/2m';

function readRate(raw: unknown): Reading<LimitRate> {
  const match = typeof raw === 'string' ? /^(\d{1,7})\s*\/\s*(\d[\d.]*)?\s*(ms|s|m|h)$/.exec(raw.trim()) : null;
  const units = Number(match?.[1]);
  const perMs = match === null ? undefined : durationMs(`${match[2] ?? '1'}${match[3]}`);
  const isGood = units >= 1 && units <= MAX_UNITS && perMs !== undefined && perMs >= 1 && perMs <= MAX_RATE_MS;
  return isGood ? { value: { units, perMs } } : { expected: EXAMPLE };
}

const common = {
  algorithm: choice(...LIMIT_ALGORITHMS),
  rate: valueType(readRate),
  burst: wholeNumber(1, MAX_UNITS),
  countRefused: boolean(),
  shared: boolean(),
} as const;

const off = valueType((raw): Reading<false> => {
  const reading = readBoolean(raw);
  return 'value' in reading && !reading.value ? { value: false } : { expected: 'a map, or false to switch it off' };
});

/** `false`, or what `map` reads. */
function orOff<T>(map: z.ZodType<T>) {
  const isMap = (raw: unknown) => typeof raw === 'object' && raw !== null && !Array.isArray(raw);
  return z.unknown().transform((raw, context): T | false => {
    const read = (isMap(raw) ? map : off).safeParse(raw);
    if (read.success) return read.data;
    // They name their place below this one; a copy, since the place is put before it.
    for (const issue of read.error.issues)
      context.issues.push({ ...issue, path: [...issue.path], input: raw } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

function rateLimit(subjects: readonly LimitSubject[]) {
  const map = z.strictObject({ ...common, by: choice(...subjects) }).partial();
  return orOff<WrittenLimit>(
    map.superRefine(({ algorithm = 'token-bucket', burst, by, countRefused, shared }, context) => {
      const refuse = (option: string, value: unknown, message: string) =>
        context.addIssue({ code: 'custom', path: [option], message, input: value, params: { got: String(value) } });
      if (burst !== undefined && !hasBurst(algorithm))
        refuse('burst', burst, `none: ${algorithm} has its rate only, a token-bucket or leaky-bucket has a burst`);
      if (countRefused !== undefined && algorithm !== 'sliding-window-log')
        refuse('countRefused', countRefused, 'none: only a sliding-window-log can count what is refused');
      if (shared === true && algorithm === 'sliding-window-log')
        refuse('shared', shared, 'false: a sliding-window-log is kept by one process');
      if (shared === true && by === 'link') refuse('shared', shared, 'false: a link is at one node');
    }),
  );
}

const boundParts = (subjects: readonly LimitSubject[]) => ({ max: wholeNumber(1, MAX_UNITS), by: choice(...subjects) });
const bounds = {
  handshakes: z.strictObject(boundParts(BOUND_SUBJECTS.handshakes)).partial(),
  links: z.strictObject({ ...boundParts(BOUND_SUBJECTS.links), shared: boolean() }).partial(),
} as const;

const rate = (name: RateName) => rateLimit(RATE_SUBJECTS[name]).optional();

const written = z.strictObject({
  commands: rate('commands'),
  publishes: rate('publishes'),
  polls: rate('polls'),
  openings: rate('openings'),
  connects: rate('connects'),
  addresses: rate('addresses'),
  publishKey: rate('publishKey'),
  channel: rate('channel'),
  outbound: rate('outbound'),
  handshakes: orOff<WrittenBound>(bounds.handshakes).optional(),
  links: orOff<WrittenBound>(bounds.links).optional(),
});

/** The names of all limits. */
export const LIMIT_NAMES: readonly string[] = Object.keys(written.shape);

/** The names that the parts of one limit have in the configuration. */
export function limitKeys(name: string): readonly string[] {
  if (name === 'handshakes' || name === 'links') return Object.keys(bounds[name].shape);
  return [...Object.keys(common), 'by'];
}

/** Those of all of them. */
export const LIMIT_KEYS: readonly string[] = [...new Set(LIMIT_NAMES.flatMap(limitKeys))];

const ofNamespace = {
  channel: rate('channel'),
  outbound: rate('outbound'),
  publishes: rate('publishes'),
} satisfies Readonly<Record<(typeof NAMESPACE_LIMITS)[number], unknown>>;

/** The names of the limits of one namespace. */
export const NAMESPACE_LIMIT_NAMES: readonly string[] = Object.keys(ofNamespace);

/** Those limits. */
export const namespaceLimits = () => z.strictObject(ofNamespace);

/** A map, or a text that is a map in JSON. */
export const limitsType = () =>
  jsonMapType('{"publishes":{"rate":"100/10s"}}')
    .pipe(written)
    .transform((limits): WrittenLimits => limits);
