// Reads lists of secrets and keys: bare ones, named ones, and PEM blocks.

import { channelPatternProblem } from '../protocol/index.js';
import { shown } from './config-problem.js';
import type { Reading } from './value-types.js';

/** What a key of backends may be for. */
export const KEY_RIGHTS = ['publish', 'read', 'delete'] as const;
export type KeyRight = (typeof KEY_RIGHTS)[number];

/** A backend's key, and what it is good for. */
export interface PublishKey {
  readonly key: string;
  /** By which people and limits know it. */
  readonly name?: string;
  /** Channels, as a token's patterns are written. */
  readonly patterns: readonly string[];
  readonly rights: readonly KeyRight[];
}

/** One key as it was written, and what stands beside it. */
type Entry = { readonly key: unknown; readonly terms?: Terms } | Wrong;
/** What would be valid, and what came instead; never a key. */
type Wrong = { readonly wrong: string; readonly got: string };
type Terms = Omit<PublishKey, 'key'>;

const EVERYTHING: Terms = { patterns: ['*'], rights: ['publish'] };
/** Chosen: more than any backend needs to be told apart. */
const MAX_PATTERNS = 64;

const NAMED = /^(name|key)=/;
/** Where a named entry ends: a comma inside its key belongs to the key. */
const NAMED_END = /\n|,(?=(?:name|key)=)/;
const BARE_END = /[,\n]/;
const FIELD = /;(?=(?:name|key|patterns|rights)=)/;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const PEM_BLOCK = /-----BEGIN [A-Z ]+-----[^-]*-----END [A-Z ]+-----/g;

/**
 * A bare entry ends at a comma or a line break. One that begins with `name=` or `key=` is `name=<name>;key=<key>` and ends at a
 * line break, or before a comma that another such entry follows. YAML also takes a list of texts and of objects. `read` judges each key.
 */
export function readKeyList(raw: unknown, read: (key: unknown) => Reading<string>): Reading<readonly string[]> {
  return judged(listed(raw, plainEntry), read);
}

/**
 * As {@link readKeyList}, of keys that may also have `;patterns=<p1> <p2>` and `;rights=<r1> <r2>`; without these a key is good for
 * publishing everywhere.
 */
export function readPublishKeys(raw: unknown, read: (key: unknown) => Reading<string>): Reading<readonly PublishKey[]> {
  const entries = listed(raw, entryOf);
  const keys = judged(entries, read);
  if (!('value' in keys)) return keys;
  const terms = entries.map((entry) => ('wrong' in entry ? EVERYTHING : (entry.terms ?? EVERYTHING)));
  const value = keys.value.map((key, index) => ({ key, ...(terms[index] ?? EVERYTHING) }));
  return ambiguity(value) ?? { value };
}

/** A refusal knows a key by its name, and a caller by the key. */
function ambiguity(keys: readonly PublishKey[]): Reading<never> | undefined {
  const names = keys.flatMap(({ name }) => name ?? []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return { expected: 'another for each key', got: `the name "${twice}" twice` };
  const terms = new Map<string, string>();
  for (const { key, ...own } of keys) {
    const text = JSON.stringify(own);
    if ((terms.get(key) ?? text) !== text) return { expected: 'each key once', got: 'one key as two' };
    terms.set(key, text);
  }
  return undefined;
}

type ReadEntry = (value: unknown) => Entry;

function listed(raw: unknown, read: ReadEntry): readonly Entry[] {
  const entries = typeof raw === 'string' ? entriesOf(raw, read) : Array.isArray(raw) ? raw.map(read) : [read(raw)];
  if (entries.length > 0) return entries;
  return [{ wrong: 'at least one key', got: Array.isArray(raw) ? 'an empty list' : 'nothing' }];
}

/** Public keys in PEM, one block after the other, or a list of them. */
export function readPemList(raw: unknown, read: (key: unknown) => Reading<string>): Reading<readonly string[]> {
  if (typeof raw !== 'string') return readKeyList(raw, read);
  const blocks = raw.match(PEM_BLOCK) ?? [];
  const isAll = blocks.length > 0 && raw.replace(PEM_BLOCK, '').trim() === '';
  return judged(isAll ? blocks.map((key) => ({ key })) : [{ key: raw }], read);
}

function judged(entries: readonly Entry[], read: (key: unknown) => Reading<string>): Reading<readonly string[]> {
  const keys: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const reading = 'wrong' in entry ? { expected: entry.wrong, got: entry.got } : read(entry.key);
    if (!('value' in reading)) {
      const place = entries.length === 1 ? '' : ` as number ${index + 1} of ${entries.length}`;
      return { ...reading, ...(reading.got !== undefined && { got: `${reading.got}${place}` }) };
    }
    keys.push(reading.value);
  }
  return { value: keys };
}

function entriesOf(text: string, read: ReadEntry): readonly Entry[] {
  const entries: Entry[] = [];
  let rest = text.replaceAll('\r\n', '\n').trim();
  while (rest !== '') {
    const isNamed = NAMED.test(rest);
    const at = rest.search(isNamed ? NAMED_END : BARE_END);
    const entry = (at === -1 ? rest : rest.slice(0, at)).trim();
    const isEmptyLine = entry === '' && rest[at] === '\n';
    if (!isEmptyLine) entries.push(isNamed ? read(fieldsOf(entry)) : { key: entry });
    if (at === -1) break;
    // A comma at the end has an empty entry behind it, which somebody forgot; a line break has none.
    if (rest[at] === ',' && rest.slice(at + 1).trim() === '') entries.push({ key: '' });
    rest = rest.slice(at + 1).trimStart();
  }
  return entries;
}

function fieldsOf(text: string): Readonly<Record<string, string>> {
  const fields = text.split(FIELD).map((field) => {
    const at = field.indexOf('=');
    return [field.slice(0, at), field.slice(at + 1)] as const;
  });
  return Object.fromEntries(fields);
}

/** One that is good for everything. */
function plainEntry(value: unknown): Entry {
  if (typeof value !== 'object' || value === null) return { key: value };
  const other = Object.keys(value).find((name) => name !== 'name' && name !== 'key');
  return other === undefined ? entryOf(value) : without(other, 'name and key');
}

function without(field: string, others: string): Wrong {
  return { wrong: `${others} alone`, got: `the field ${shown(field)}` };
}

/** A key itself, or an object that has it. */
function entryOf(value: unknown): Entry {
  if (typeof value !== 'object' || value === null) return { key: value };
  const { name, key, patterns = '*', rights = 'publish', ...others }: Readonly<Record<string, unknown>> = { ...value };
  const [unserved] = Object.keys(others);
  if (unserved !== undefined) return without(unserved, 'name, key, patterns and rights');
  if (name !== undefined && !(typeof name === 'string' && NAME.test(name))) {
    return { wrong: 'a name of 1 to 64 of A-Z a-z 0-9 _ . -', got: 'another name' };
  }
  const [channels, granted] = [wordsOf(patterns), wordsOf(rights)];
  const wrongPatterns = patternsProblem(channels);
  if (wrongPatterns !== undefined) return { wrong: wrongPatterns, got: 'other patterns' };
  const wrongRights = rightsProblem(granted);
  if (wrongRights !== undefined) return { wrong: wrongRights, got: 'other rights' };
  const known = KEY_RIGHTS.filter((right) => granted.includes(right));
  return { key, terms: { ...(name !== undefined && { name }), patterns: channels, rights: known } };
}

/** A list, or words with spaces between them; none for anything else. */
function wordsOf(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((word) => typeof word === 'string')) return value;
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : [];
}

function patternsProblem(patterns: readonly string[]): string | undefined {
  if (patterns.length === 0 || patterns.length > MAX_PATTERNS) return `1 to ${MAX_PATTERNS} patterns of channels`;
  const [problem] = patterns.flatMap((pattern) => channelPatternProblem(pattern, true) ?? []);
  return problem === undefined ? undefined : `patterns of channels: ${problem}`;
}

function rightsProblem(rights: readonly string[]): string | undefined {
  const isGood = rights.length > 0 && rights.every((right) => (KEY_RIGHTS as readonly string[]).includes(right));
  return isGood ? undefined : `rights of ${KEY_RIGHTS.join(', ')}`;
}
