// Finds one member of a JSON object as it was written, so that numbers and strings travel on byte for byte.

const SPACE = /[ \t\r\n]*/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = [0x7b, 0x5b] as const;
const CLOSING = [0x7d, 0x5d] as const;
/** Of `\uXXXX`. */
const UNICODE_LENGTH = 6;
/** Others stand for themselves. */
const ESCAPED: Readonly<Record<string, number>> = { b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 };

/**
 * The text of the member `name` of the object that `text` is; of duplicate names the last, as `JSON.parse` has it.
 * `text` must be one valid JSON object: parse it first.
 */
export function rawMember(text: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at);
    const begin = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, begin);
    if (isKey(text, at, keyEnd, name)) found = text.slice(begin, end).trimEnd();
    at = skipSpace(text, end + 1);
  }
  return found;
}

/** The texts of the items of the array that `text` is; it must be one valid JSON array. */
export function rawItems(text: string): readonly string[] {
  const items: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text.charCodeAt(at) !== CLOSING[1]) {
    const end = endOfValue(text, at);
    items.push(text.slice(at, end).trimEnd());
    at = text.charCodeAt(end) === COMMA ? skipSpace(text, end + 1) : end;
  }
  return items;
}

/** Whether the string from `at` to `end`, quotes included, says `name`; found at the first character that it does not. */
function isKey(text: string, at: number, end: number, name: string): boolean {
  let index = at + 1;
  for (let place = 0; place < name.length; place++) {
    if (index >= end - 1) return false;
    const escaped = text.charCodeAt(index) === BACKSLASH ? text.charAt(index + 1) : '';
    const code = escaped === '' ? text.charCodeAt(index) : escapedCode(text, index, escaped);
    if (code !== name.charCodeAt(place)) return false;
    index += escaped === '' ? 1 : escaped === 'u' ? UNICODE_LENGTH : 2;
  }
  return index === end - 1;
}

/** What the escape that begins at `at` stands for. */
function escapedCode(text: string, at: number, letter: string): number {
  if (letter === 'u') return Number.parseInt(text.slice(at + 2, at + UNICODE_LENGTH), 16);
  return ESCAPED[letter] ?? letter.charCodeAt(0);
}

function skipSpace(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code > 0x20) return at;
  SPACE.lastIndex = at;
  SPACE.test(text);
  return SPACE.lastIndex;
}

/** The place after the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  let index = at + 1;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index + 1;
    index += code === BACKSLASH ? 2 : 1;
  }
}

/** The place of the comma, brace or bracket after the value that begins at `at`. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  let index = at;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
      continue;
    }
    if (depth === 0 && (code === COMMA || code === CLOSING[0] || code === CLOSING[1])) return index;
    if (code === OPENING[0] || code === OPENING[1]) depth++;
    else if (code === CLOSING[0] || code === CLOSING[1]) depth--;
    index++;
  }
}
