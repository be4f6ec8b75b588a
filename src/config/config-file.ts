// The config file: YAML whose camelCase keys are options, with the line and column of each.

import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { readTextFile } from '../lib/text-file.js';
import { type ConfigProblem, cannotRead, shown, unknownSetting } from './config-problem.js';
import { type Layer, type RawValue, settled, WRITABLE } from './layers.js';

/** Chosen: far more than anybody writes, and far fewer than fill a memory. */
const MAX_ALIASES = 1_000;
const SECOND_DOCUMENT = 'got a second document (after "---"), expected one';

/** Reads the file at `path`; what is wrong with it is among the problems. */
export function fileLayer(path: string, source: string): Layer {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    return { values: new Map(), problems: [{ option: 'config', source, message: cannotRead(path, error) }] };
  }
  return yamlLayer(text, path);
}

/** The options in `text`; `path` is what its problems are named after. */
export function yamlLayer(text: string, path: string): Layer {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      option: 'config',
      source: place(error.pos[0]),
      // The library tells its own callers what to call.
      message: error.code === 'MULTIPLE_DOCS' ? SECOND_DOCUMENT : error.message,
    }));
    return { values: new Map(), problems };
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { values: new Map(), problems: [] };
  if (!isMap(root)) {
    const message = `got ${shown(root.toJSON())}, expected a map of options`;
    return { values: new Map(), problems: [{ option: 'config', source: place(0), message }] };
  }
  return settledMap(document, root, place);
}

function settledMap(document: Document, root: YAMLMap, place: (offset: number) => string): Layer {
  const written = new Map<string, RawValue>();
  const problems: ConfigProblem[] = [];
  const startOf = (node: unknown, fallback: string) => (isNode(node) && node.range ? place(node.range[0]) : fallback);
  for (const { key, value } of root.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const keyPlace = startOf(key, place(0));
    if (!WRITABLE.includes(name)) {
      problems.push(unknownSetting(name, keyPlace, WRITABLE));
      continue;
    }
    const node = value as Node | null;
    const source = startOf(node, keyPlace);
    const meant = isAlias(node) ? node.resolve(document) : node;
    const locate = (path: readonly PropertyKey[]) => startOf(isMap(meant) ? meant.getIn(path, true) : node, source);
    try {
      written.set(name, { raw: node?.toJS(document, { maxAliasCount: MAX_ALIASES }) ?? null, source, locate });
    } catch (error) {
      // An alias of nothing, or too many.
      problems.push({ option: name, source, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return settled(written, problems);
}
