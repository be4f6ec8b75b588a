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
  const files = [PROBE, `${root}client-sdk/types.ts`, `${root}client-sdk/hosts.ts`, `${root}client-sdk/errors.ts`];
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
  client.subscribe('n', { last: 5 }, ({ time, isOwn }: Message<number>) => (isOwn ? time?.toFixed() : undefined));
  client.subscribe('n', { maxPerSecond: 10, after: maybe }, ({ skipped = 0 }) => skipped.toFixed());
  const page = await client.history<number>('n', { last: 5 });
  const { id, user } = client.connection ?? (await client.ready());
  const text: string = [page.messages[0]?.data.toFixed(), page.gap?.reason, page.offset, id, user ?? ''].join();
  const { offset } = await client.publish('chat', { text }, { key: maybe });
  client.on('error', ({ code, cause, gap }) => [code, cause, gap?.reason]);
  return offset;
}
`;

/** A client whose channels have types. */
const MAP = `${IMPORT}
interface Line { text: string }
interface Channels { news: { title: string }; [chat: \`chat:\${string}\`]: Line; count: number }
declare const client: Client<Channels>;
declare const room: string;
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

describe('a map of channels', () => {
  const lib = ['lib.es2022.d.ts'];

  it('says what messages hold, by name and by pattern', { timeout: 120_000 }, () => {
    const text = `${MAP}
export async function use() {
  client.subscribe('news', {}, ({ data }) => data.title.length);
  for await (const { data } of client.subscribe(\`chat:\${room}\`)) return data.text;
  for await (const item of client.subscribe('count', { gaps: 'yield' })) if (item.type === 'message') return item.data.toFixed();
  await client.publish('chat:1', { text: 'hi' });
  const { messages } = await client.history('chat:1', { last: 1 });
  const untyped: Client = client as object as Client;
  return [untyped.state, messages[0]?.data.text];
}
`;
    expect(problems(text, { lib })).toEqual([]);
  });

  it.each([
    ['a name that is not in it', "client.subscribe('nwes');"],
    ['a name that is any text', 'client.subscribe(room);'],
    ['a channel to publish to that is not in it', "client.publish('other', 1);"],
    ['other data', "client.publish('chat:1', { txt: 'hi' });"],
    ['a listener for other data', "client.subscribe('chat:1', {}, (message: Message<{ title: string }>) => message);"],
    ['to read what messages do not hold', "client.subscribe('count', {}, ({ data }) => data.title);"],
    ['a type of one’s own', "client.subscribe<{ other: 1 }>('chat:1');"],
    ['history of a name that is not in it', "client.history('nwes');"],
  ])('refuses %s', { timeout: 120_000 }, (_what, text) => {
    expect(problems(MAP + text, { lib })).toHaveLength(1);
  });
});

describe('`using`', () => {
  const text = `${IMPORT}export const use = (client: Client) => { using news = client.subscribe('news'); return news.state; };`;

  it('compiles where the project has it, and its lack is no error of the SDK’s', { timeout: 120_000 }, () => {
    const has = { lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'], target: ts.ScriptTarget.ES2022 };
    expect(problems(text, has)).toEqual([]);
    expect(problems(text, { lib: ['lib.es2022.d.ts'] })).toHaveLength(1);
  });
});
