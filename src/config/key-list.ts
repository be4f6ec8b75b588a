// Reads lists of secrets and keys: bare ones, named ones, and PEM blocks.

import type { Reading } from './value-types.js';

/** One key as it was written. */
type Entry = { readonly key: unknown } | { readonly wrong: string };

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
  const entries = typeof raw === 'string' ? entriesOf(raw) : Array.isArray(raw) ? raw.map(entryOf) : [entryOf(raw)];
  return judged(entries, read);
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
  if (entries.length === 0) return { expected: 'at least one' };
  for (const [index, entry] of entries.entries()) {
    const reading = 'wrong' in entry ? { expected: entry.wrong, got: 'something else (not shown)' } : read(entry.key);
    if (!('value' in reading)) {
      const place = entries.length === 1 ? '' : ` as number ${index + 1} of ${entries.length}`;
      return { ...reading, ...(reading.got !== undefined && { got: `${reading.got}${place}` }) };
    }
    keys.push(reading.value);
  }
  return { value: keys };
}

function entriesOf(text: string): readonly Entry[] {
  const entries: Entry[] = [];
  let rest = text.replaceAll('\r\n', '\n').trim();
  while (rest !== '') {
    const isNamed = NAMED.test(rest);
    const at = rest.search(isNamed ? NAMED_END : BARE_END);
    const entry = (at === -1 ? rest : rest.slice(0, at)).trim();
    const isEmptyLine = entry === '' && rest[at] === '\n';
    if (!isEmptyLine) entries.push(isNamed ? namedEntry(entry) : { key: entry });
    if (at === -1) break;
    // A comma at the end has an empty entry behind it, which somebody forgot; a line break has none.
    if (rest[at] === ',' && rest.slice(at + 1).trim() === '') entries.push({ key: '' });
    rest = rest.slice(at + 1).trimStart();
  }
  return entries;
}

function namedEntry(text: string): Entry {
  const fields = text.split(FIELD).map((field) => {
    const at = field.indexOf('=');
    return [field.slice(0, at), field.slice(at + 1)] as const;
  });
  return entryOf(Object.fromEntries(fields));
}

/** A key itself, or an object that has it. */
function entryOf(value: unknown): Entry {
  if (typeof value !== 'object' || value === null) return { key: value };
  const { name, key, ...others }: { name?: unknown; key?: unknown } = value;
  const [unserved] = Object.keys(others);
  if (unserved === 'patterns' || unserved === 'rights') return { wrong: `no ${unserved}, which are not served yet` };
  if (unserved !== undefined) return { wrong: 'name and key alone' };
  if (name !== undefined && !(typeof name === 'string' && NAME.test(name))) {
    return { wrong: 'a name of 1 to 64 of A-Z a-z 0-9 _ . -' };
  }
  return { key };
}
