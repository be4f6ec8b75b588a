// The walks of docs/ARCHITECTURE.md lead through files that exist, each named once; and seams stay small.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');
const MAX_MEMBERS = 10;

/** The walks by name, and the files that each of them names. */
function walksOf(text: string): ReadonlyMap<string, readonly string[]> {
  const section = /^## Walks\n(.*?)^## /ms.exec(text)?.[1] ?? '';
  const walks = section.split(/^\*\*(?=[A-Z])/m).slice(1);
  return new Map(
    walks.map((walk) => [
      walk.slice(0, walk.indexOf('.')),
      [...walk.matchAll(/`((?:broker|cluster|node|cli|discovery)\/[a-z/-]+)`/g)].map(([, path = '']) => path),
    ]),
  );
}

const fileOf = (name: string) => (name.startsWith('discovery/') ? `${name}.ts` : `src/${name}.ts`);

describe('a walk through the house', () => {
  const walks = walksOf(read('docs/ARCHITECTURE.md'));

  it('is there for a message, a client, a log-out, a poll and a drain', () => {
    expect([...walks.keys()]).toEqual(['A message', 'A client', 'A log-out', 'A poll', 'A drain']);
    for (const files of walks.values()) expect(files.length).toBeGreaterThan(4);
  });

  it.each([...walks])('%s leads through files that exist, each once', (_, files) => {
    expect(files.filter((name) => !existsSync(`${ROOT}${fileOf(name)}`))).toEqual([]);
    expect(new Set(files).size).toBe(files.length);
  });
});

describe('a seam', () => {
  it.each([
    ['src/broker/broker.ts', 'Broker'],
    ['src/cluster/registry.ts', 'Registry'],
    ['src/cluster/revocation-log.ts', 'RevocationLog'],
    ['src/node/engines/engine.ts', 'Engine'],
    ['src/node/engines/engine.ts', 'EngineSocket'],
    ['src/node/engines/engine.ts', 'HttpStream'],
    ['src/auth/identity.ts', 'Authenticator'],
    ['src/limits/rate-limiter.ts', 'RateLimiter'],
  ])('in %s, %s, is small', (path, name) => {
    const members = membersOf(read(path), name);
    expect(members).toBeGreaterThan(0);
    expect(members).toBeLessThanOrEqual(MAX_MEMBERS);
  });
});

function membersOf(text: string, name: string): number {
  const source = ts.createSourceFile('seam.ts', text, ts.ScriptTarget.Latest, true);
  const seam = source.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === name);
  return seam !== undefined && ts.isInterfaceDeclaration(seam) ? seam.members.length : 0;
}
