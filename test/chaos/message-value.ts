// What is published in a chaos run: a value that is unique and says when it was first sent.

import { instant } from './history-writer.js';

let counted = 0;

/** Unique as long as publishers have different names. */
export function nextValue(publisher: string): string {
  return `${publisher}-${++counted}@${instant().toFixed(3)}`;
}

export function publishedAt(value: string): number {
  return Number(value.slice(value.indexOf('@') + 1));
}

/** The JSON that carries a value. */
export function dataOf(value: string, padding: number): string {
  return JSON.stringify({ v: value, ...(padding > 0 && { pad: 'x'.repeat(padding) }) });
}

/** The value that a message carries; anything else is given as it is, for the judge to see. */
export function carriedValue(data: unknown): string {
  if (typeof data === 'object' && data !== null && 'v' in data && typeof data.v === 'string') return data.v;
  return JSON.stringify(data);
}
