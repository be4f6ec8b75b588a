// Names that the SDK's build shortens: those that its modules have among themselves, and none that an application, a node or another tab knows.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { INNER_NAMES } = (await import(new URL('../../scripts/inner-names.mjs', import.meta.url).href)) as {
  readonly INNER_NAMES: RegExp;
};
const names = INNER_NAMES.source.slice(4, -2).split('|');

const sources = (folder: string) =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(`${ROOT}${folder}/${path}`, 'utf8'))
    .join('\n');

/** Words that are said to be a property: declared, written, or taken from something. */
const properties = (text: string) =>
  new Set([...text.matchAll(/(?<=\.)[a-zA-Z]+|[a-zA-Z]+(?=\??:|\(|<)/g)].map(([name]) => name));

it('are all in the sources, once each', () => {
  const text = sources('client-sdk');
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

it('are no part of the public surface', () => {
  const known = properties(readFileSync(`${ROOT}docs/SDK-API.md`, 'utf8'));
  expect(names.filter((name) => known.has(name))).toEqual([]);
});

it('are no words of the protocol, nor of what tabs say to each other', () => {
  const declared = (text: string) => [...text.matchAll(/(?<=\breadonly )\w+/g)].map(([name]) => name);
  const messages = readFileSync(`${ROOT}src/protocol/messages.ts`, 'utf8') + sources('src/protocol');
  const words = ['leader', 'worker'].map((file) => readFileSync(`${ROOT}client-sdk/shared/${file}.ts`, 'utf8'));
  const told = declared(words.join('\n'));
  expect(told).toEqual(expect.arrayContaining(['hub', 'lock', 'isTokenLent']));
  expect(names.filter((name) => [...declared(messages), ...told].includes(name))).toEqual([]);
});
