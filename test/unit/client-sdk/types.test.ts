// The SDK's types in other people's projects: with and without the browser's and Node's, and as strict as they like.

import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const PROBE = `${root}test/unit/client-sdk/probe.ts`;

/** What the compiler says about a program of an application's, and about the SDK's public types. */
function problems(text: string, options: ts.CompilerOptions): string[] {
  const settings: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true, types: [] },
    ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, verbatimModuleSyntax: true },
    ...options,
  };
  const host = ts.createCompilerHost(settings);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === PROBE || fileExists(name);
  host.getSourceFile = (name, ...more) =>
    name === PROBE ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(name, ...more);
  const program = ts.createProgram([PROBE], settings, host);
  const files = [PROBE, `${root}client-sdk/types.ts`, `${root}client-sdk/errors.ts`];
  return files.flatMap((name) => {
    const file = program.getSourceFile(name);
    expect(file, name).toBeDefined();
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

const IMPORT = "import type { Client, ClientOptions, Message } from '../../../client-sdk/types.js';\n";
const USE = `${IMPORT}
declare const client: Client;
declare const maybe: string | undefined;
export const options: ClientOptions = {
  url: 'http://x', token: maybe, transports: undefined, storage: null, fetch: undefined, WebSocket: undefined, pollWaitMs: undefined,
};
export const other: ClientOptions = { url: 'http://x', token: async ({ reason, signal }) => (signal.aborted || reason === 'refused' ? null : 'a.b.c') };
export async function use() {
  const chat = client.subscribe<{ text: string }>('chat', { after: maybe, signal: undefined }, ({ data }) => data.text.length);
  chat.on('gap', ({ reason, offset }) => [reason, offset]);
  for await (const { data, offset } of chat) return [data.text, offset];
  for await (const item of client.subscribe<number>('n', { gaps: 'yield' })) {
    if (item.type === 'gap') return item.reason;
    const message: Message<number> = item;
    return message.data.toFixed();
  }
  const { offset } = await client.publish('chat', { text: 'hi' }, { key: maybe });
  client.on('error', ({ code, cause, gap }) => [code, cause, gap?.reason]);
  return offset;
}
`;

describe('the SDK’s types', () => {
  it.each([
    ['no library but the language’s', { lib: ['lib.es2022.d.ts'] }],
    ['the browser’s', { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.asynciterable.d.ts'] }],
    ['a worker’s', { lib: ['lib.es2022.d.ts', 'lib.webworker.d.ts'] }],
    ['Node’s', { lib: ['lib.es2022.d.ts'], types: ['node'] }],
  ])('hold with %s', { timeout: 120_000 }, (_what, options) => {
    expect(problems(USE, options)).toEqual([]);
  });

  it('take the browser’s `fetch`, `WebSocket`, `localStorage` and signals', { timeout: 120_000 }, () => {
    const text = `${IMPORT}
export const options: ClientOptions = { url: 'x', fetch, WebSocket, storage: localStorage, token: ({ signal }) => fetch('/t', { signal }).then((r) => r.text()) };
export const stop = (client: Client) => client.subscribe('a', { signal: AbortSignal.timeout(1) });
`;
    expect(problems(text, { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.asynciterable.d.ts'] })).toEqual([]);
  });

  it.each([
    ['an offset that is a number', "export const s = (c: Client) => c.subscribe('a', { after: -1 });"],
    ['a transport that nobody knows', "export const o: ClientOptions = { url: 'x', transports: ['pigeon'] };"],
    ['a token function that may give nothing', "export const o: ClientOptions = { url: 'x', token: () => undefined };"],
    [
      'a gap where only messages are yielded',
      "export const s = async (c: Client) => { for await (const i of c.subscribe('a')) if (i.type === 'gap') return 1; };",
    ],
  ])('refuse %s', { timeout: 120_000 }, (_what, text) => {
    expect(problems(IMPORT + text, { lib: ['lib.es2022.d.ts'] })).toHaveLength(1);
  });
});
