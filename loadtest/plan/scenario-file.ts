// Reads scenarios from a YAML file; everything that is wrong with it is said at once, with its line and column.

import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { DEFAULTS, type Scenario } from './arm.js';
import { COLUMNS } from './columns.js';

export type Read = { readonly scenarios: readonly Scenario[] } | { readonly mistakes: readonly string[] };

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const WORDS = ['name', 'what', ...Object.keys(COLUMNS)];

/** An example, for `--help`. */
export const EXAMPLE = `scenarios:
  - name: rooms
    what: many small rooms
    engine: [uws, ws]            # a list: each is measured, in every combination
    transport: [websocket, sse]
    links: 400
    channels: 40
    rate: 20
    seconds: 5
`;

export function readScenarios(text: string, path: string): Read {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const mistakes: string[] = [];
  const say = (at: number, what: string): void => {
    const { line, col } = lines.linePos(at);
    mistakes.push(`${path}:${line}:${col}: ${what}`);
  };
  for (const { pos, message } of document.errors) say(pos[0], message);
  if (mistakes.length > 0) return { mistakes };
  const root = document.contents;
  const list = isMap(root) ? root.get('scenarios', true) : undefined;
  if (!isMap(root) || !isSeq(list) || list.items.length === 0) {
    say(startOf(root), 'expected "scenarios:" with a list of scenarios');
    return { mistakes };
  }
  for (const { key } of root.items) {
    if (textOf(key) !== 'scenarios') say(startOf(key), `unknown key "${textOf(key)}": a file holds "scenarios" alone`);
  }
  const names = new Set<string>();
  const scenarios = list.items.map((item) => {
    if (isMap(item)) return readScenario(item, names, say);
    say(startOf(item), 'expected a scenario: "name: …" and columns');
    return undefined;
  });
  const sound = scenarios.filter((scenario) => scenario !== undefined);
  return mistakes.length > 0 ? { mistakes } : { scenarios: sound };
}

type Say = (at: number, what: string) => void;

function readScenario(map: YAMLMap, names: Set<string>, say: Say): Scenario {
  const name = readName(map, names, say);
  const columns: Record<string, readonly unknown[]> = {};
  for (const pair of map.items) {
    const word = textOf(pair.key);
    const column = COLUMNS[word];
    if (column !== undefined) columns[column.key] = readColumn(word, pair, say);
    else if (!WORDS.includes(word))
      say(startOf(pair.key), `unknown column "${word}"${suggestion(word)}: there are ${WORDS.join(', ')}`);
  }
  const what = map.get('what');
  return { ...DEFAULTS, ...columns, name, what: typeof what === 'string' ? what : name };
}

function readName(map: YAMLMap, names: Set<string>, say: Say): string {
  const node = map.get('name', true);
  const name = node === undefined ? undefined : textOf(node);
  if (name === undefined) say(startOf(map), 'a scenario needs a name');
  else if (!NAME.test(name)) say(startOf(node), `name: expected small letters, digits and hyphens, got "${name}"`);
  else if (names.has(name)) say(startOf(node), `name: there are two scenarios "${name}"`);
  names.add(name ?? '');
  return name ?? '';
}

function readColumn(word: string, { key, value }: Pair, say: Say): readonly unknown[] {
  const nodes = isSeq(value) ? value.items : [value];
  if (nodes.length === 0) say(startOf(key), `${word}: an empty list measures nothing`);
  return nodes.map((node) => {
    const read = isScalar(node) ? node.value : undefined;
    const column = COLUMNS[word];
    if (column?.accepts(read) !== true) {
      say(
        startOf(node ?? key),
        `${word}: expected ${column?.takes}, got ${isScalar(node) ? JSON.stringify(read) : 'something nested'}`,
      );
    }
    return read;
  });
}

/** The nearest word that a person may have meant. */
function suggestion(word: string): string {
  const near = WORDS.find(
    (one) =>
      one.startsWith(word) || word.startsWith(one) || one.replace('-', '') === word.replace(/[-_]/, '').toLowerCase(),
  );
  return near === undefined ? '' : `, perhaps "${near}"`;
}

function textOf(node: unknown): string {
  return String(isScalar(node) ? node.value : node);
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
