// Finds one member of a JSON object as it was written, so that numbers and strings travel on byte for byte.

const SPACE = /[ \t\r\n]*/y;

/**
 * The text of the member `name` of the object that `text` is; of duplicate names the last, as `JSON.parse` has it.
 * `text` must be one valid JSON object: parse it first.
 */
export function rawMember(text: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const isWanted = JSON.parse(text.slice(at, keyEnd)) === name;
    const begin = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, begin);
    if (isWanted) found = text.slice(begin, end).trimEnd();
    at = skipSpace(text, end + 1);
  }
  return found;
}

function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  SPACE.test(text);
  return SPACE.lastIndex;
}

/** The place after the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  let index = at + 1;
  while (text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index + 1;
}

/** The place of the comma or brace after the value that begins at `at`. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  let index = at;
  for (;;) {
    const char = text[index];
    if (char === '"') {
      index = endOfString(text, index);
      continue;
    }
    if (depth === 0 && (char === ',' || char === '}')) return index;
    if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') depth--;
    index++;
  }
}
