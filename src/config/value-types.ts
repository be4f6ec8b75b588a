// The kinds of values that an option can have, read from the text of a flag or variable or from YAML.

import { z } from 'zod';
import { shown } from './config-problem.js';
import { closest } from './suggest.js';

/** What a reader answers: the value, or what would be valid and, where the value itself may not be shown, what came. */
export type Reading<T> = { readonly value: T } | { readonly expected: string; readonly got?: string };

/** A zod type that takes whatever came and hands on `T`; its issue's message says what is valid. */
export function valueType<T>(read: (raw: unknown) => Reading<T>) {
  return z.unknown().transform((raw, context): T => {
    const reading = read(raw);
    if ('value' in reading) return reading.value;
    context.addIssue({ code: 'custom', message: reading.expected, input: raw, params: { got: reading.got } });
    return z.NEVER;
  });
}

const DURATION_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const SIZE_BYTES = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const;

export function readWholeNumber(raw: unknown, min: number, max: number): Reading<number> {
  const value = typeof raw === 'string' && /^\d{1,15}$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return { value };
  return { expected: `a whole number ${min}..${max}` };
}

export function readFraction(raw: unknown, min: number, max: number): Reading<number> {
  const value = typeof raw === 'string' && /^\d{0,3}\.?\d{1,9}$/.test(raw.trim()) ? Number(raw) : raw;
  if (typeof value === 'number' && value >= min && value <= max) return { value };
  return { expected: `a number ${min}..${max}` };
}

/** `min` and `max` as people write them; the value is in milliseconds. */
export function readDuration(raw: unknown, min: string, max: string): Reading<number> {
  const value = durationMs(raw);
  if (value !== undefined && value >= (durationMs(min) ?? 0) && value <= (durationMs(max) ?? 0)) return { value };
  return { expected: `a duration with its unit (ms, s, m, h) ${min}..${max}` };
}

export function durationMs(raw: unknown): number | undefined {
  const match = typeof raw === 'string' ? /^(\d{1,12}(?:\.\d{1,3})?)\s*(ms|s|m|h)$/.exec(raw.trim()) : null;
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * DURATION_MS[match[2] as keyof typeof DURATION_MS]);
}

function sizeBytes(raw: unknown): number | undefined {
  if (typeof raw === 'number' && Number.isInteger(raw)) return raw;
  const match = typeof raw === 'string' ? /^(\d{1,12})\s*(b|kb|mb|gb)?$/.exec(raw.trim().toLowerCase()) : null;
  if (match === null) return undefined;
  return Number(match[1]) * SIZE_BYTES[(match[2] ?? 'b') as keyof typeof SIZE_BYTES];
}

export function readBoolean(raw: unknown): Reading<boolean> {
  if (raw === true || raw === 'true' || raw === '1') return { value: true };
  if (raw === false || raw === 'false' || raw === '0') return { value: false };
  return { expected: 'true or false' };
}

export function readChoice<const T extends string>(raw: unknown, choices: readonly T[]): Reading<T> {
  const value = choices.find((choice) => choice === raw);
  if (value !== undefined) return { value };
  const near = typeof raw === 'string' ? closest(raw, choices) : undefined;
  return { expected: `one of ${choices.join(', ')}${near === undefined ? '' : `, did you mean "${near}"?`}` };
}

export const wholeNumber = (min: number, max: number) => valueType((raw) => readWholeNumber(raw, min, max));
export const fraction = (min: number, max: number) => valueType((raw) => readFraction(raw, min, max));
export const duration = (min: string, max: string) => valueType((raw) => readDuration(raw, min, max));
export const boolean = () => valueType(readBoolean);
export const choice = <const T extends string>(...choices: readonly T[]) =>
  valueType((raw) => readChoice(raw, choices));

/** `min` and `max` as people write them; the value is in bytes. */
export const size = (min: string, max: string) =>
  valueType((raw): Reading<number> => {
    const value = sizeBytes(raw);
    if (value !== undefined && value >= (sizeBytes(min) ?? 0) && value <= (sizeBytes(max) ?? 0)) return { value };
    return { expected: `a size in bytes or with a unit (b, kb, mb, gb) ${min}..${max}` };
  });

/** Text that a check accepts; numbers that YAML made of it are taken as text. */
export const text = (expected: string, accepts: (value: string) => boolean) =>
  valueType((raw): Reading<string> => {
    const value = typeof raw === 'number' ? String(raw) : raw;
    return typeof value === 'string' && accepts(value) ? { value } : { expected };
  });

/** A comma-separated text or a YAML list; `read` judges each element. */
export const list = <T>(read: (element: string) => Reading<T>, minLength = 1) =>
  valueType((raw): Reading<readonly T[]> => {
    const parts = typeof raw === 'string' ? (raw.trim() === '' ? [] : raw.split(',')) : raw;
    if (!Array.isArray(parts)) return { expected: 'a comma-separated text or a list' };
    if (parts.length < minLength) return { expected: `at least ${minLength}` };
    const values: T[] = [];
    for (const part of parts) {
      const reading = read(String(part).trim());
      if (!('value' in reading)) return { got: `${shown(String(part).trim())} in the list`, ...reading };
      values.push(reading.value);
    }
    return { value: values };
  });

/** Whether `value` is an absolute URL with one of these schemes, such as `http:`. */
export function isUrl(value: string, schemes: readonly string[]): boolean {
  return URL.canParse(value) && schemes.includes(new URL(value).protocol);
}
