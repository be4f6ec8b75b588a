// The package of the SDK alone, as a stranger installs it: what is in it, and that its types compile however a project resolves them.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRIES = ['', '/websocket', '/sse', '/react', '/testing', '/shared'];

let project: string;
beforeAll(() => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/pack-client.mjs'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  project = mkdtempSync(join(tmpdir(), 'fanfare-stranger-'));
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  cpSync(`${ROOT}dist/client-package`, join(project, 'node_modules/fanfare-client'), { recursive: true });
  for (const name of ['react', '@types/react', 'csstype', 'ws']) {
    symlinkSync(`${ROOT}node_modules/${name}`, join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(project, { recursive: true }));

const PROGRAM = `
import { createClient, FanfareError, type Client } from 'fanfare-client';
import { createClient as createSmall } from 'fanfare-client/websocket';
import { createClient as createReader } from 'fanfare-client/sse';
import { createTestServer } from 'fanfare-client/testing';
interface Channels { news: { title: string }; [chat: \`chat:\${string}\`]: { text: string } }
const server = createTestServer();
export const client: Client<Channels> = createClient<Channels>({ ...server.options, token: undefined });
client.subscribe('chat:1', { last: 5 }, ({ data, time, isOwn }) => [data.text, time, isOwn]);
createSmall({ url: 'http://x' }).on('error', (error) => error instanceof FanfareError && error.code);
createReader<Channels>({ url: 'http://x' }).subscribe('news', {}, ({ data }) => data.title);
`;
const HOOKS = `
import { FanfareProvider, useChannel, useClient, useClientState } from 'fanfare-client/react';
import { client } from './program.js';
export const use = () => [useChannel<{ title: string }>('news', { last: 5 }).messages[0]?.data.title, useClientState().type, useClient().state];
export const props: Parameters<typeof FanfareProvider>[0] = { client };
`;

/** What the compiler says, also of the package's own declarations. */
function problems(options: ts.CompilerOptions, files: Readonly<Record<string, string>>): string[] {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const program = ts.createProgram(
    Object.keys(files).map((name) => join(project, name)),
    {
      ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true, types: [] },
      ...{ target: ts.ScriptTarget.ES2022, ignoreDeprecations: '6.0' },
      ...options,
    },
  );
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => !file?.fileName.includes('@types/react'))
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
}

const { ModuleKind, ModuleResolutionKind } = ts;

describe('the packed SDK', () => {
  it.each([
    ['bundler', { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler }],
    ['nodenext', { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext }],
    ['node16', { module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 }],
    ['node10', { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Node10 }],
  ])('compiles under moduleResolution %s, with and without the browser’s library', (_name, resolution) => {
    const files = { 'program.ts': PROGRAM };
    expect(problems({ ...resolution, lib: ['lib.es2022.d.ts'] }, files)).toEqual([]);
    const dom = { ...resolution, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] };
    expect(problems(dom, { ...files, 'hooks.ts': HOOKS })).toEqual([]);
  });

  it('compiles from a CommonJS file under nodenext', () => {
    const resolution = { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext };
    expect(problems({ ...resolution, lib: ['lib.es2022.d.ts'] }, { 'program.cts': PROGRAM })).toEqual([]);
  });

  it('has every entry, with what they share in chunks', () => {
    const folder = join(project, 'node_modules/fanfare-client');
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect(Object.keys(manifest.exports)).toEqual([...ENTRIES.map((entry) => `.${entry}`), './package.json']);
    expect(manifest.dependencies).toBeUndefined();
    const files = readdirSync(folder);
    expect(files.filter((file) => /^shared-.*\.js$/.test(file)).length).toBeGreaterThan(0);
    expect(files).toContain('LICENSE');
    const inside = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(inside.filter((file) => /tsbuildinfo|\.ts$/.test(file) && !file.endsWith('.d.ts'))).toEqual([]);
  });

  it('runs in Node, with one class of errors for all entries', () => {
    const text = `
import { createClient, FanfareError } from 'fanfare-client';
import { FanfareError as Other } from 'fanfare-client/sse';
import { createTestServer } from 'fanfare-client/testing';
const server = createTestServer();
const client = createClient({ ...server.options });
const news = client.subscribe('news');
await client.history('news');
server.publish('news', { hello: 'world' });
for await (const { data } of news) { console.log(JSON.stringify(data), FanfareError === Other); break; }
client.close();
`;
    writeFileSync(join(project, 'run.mjs'), text);
    const { stdout, stderr } = spawnSync(process.execPath, ['run.mjs'], { cwd: project, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toBe('{"hello":"world"} true\n');
  });
});
