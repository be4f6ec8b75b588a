// Writes what applications write against into docs/SDK-API.md: the exports of each entry, and every type that they lead to.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const TARGET = `${root}docs/SDK-API.md`;
const OUT = '/surface/';

/** What is imported → the file in client-sdk. */
const ENTRIES: Readonly<Record<string, string>> = {
  'fanfare/client': 'index',
  'fanfare/client/websocket': 'websocket-only',
  'fanfare/client/sse': 'sse',
  'fanfare/client/node': 'node',
  'fanfare/client/react': 'react',
  'fanfare/client/testing': 'testing/index',
  'fanfare/client/shared': 'shared',
};

const OPTIONS: ts.CompilerOptions = {
  ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, strict: true, skipLibCheck: true, types: [] },
  ...{ declaration: true, emitDeclarationOnly: true, removeComments: true, rootDir: root, outDir: OUT },
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
};

/** The declarations as they are published, without comments, by file. */
function declarations(): ReadonlyMap<string, string> {
  const files = Object.values(ENTRIES).map((entry) => `${root}client-sdk/${entry}.ts`);
  const emitted = new Map<string, string>();
  ts.createProgram(files, OPTIONS).emit(undefined, (file, text) => void emitted.set(file, text));
  return emitted;
}

/** A program of those declarations alone. */
function published(emitted: ReadonlyMap<string, string>): ts.Program {
  const options: ts.CompilerOptions = { ...OPTIONS, declaration: false, emitDeclarationOnly: false, noEmit: true };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  // Packages are found where the repository has them.
  const elsewhere = (name: string) => (name.startsWith(OUT) ? root + name.slice(OUT.length) : name);
  host.fileExists = (name) => emitted.has(name) || (name.includes('node_modules') && fileExists(elsewhere(name)));
  host.getSourceFile = (name, ...more) => {
    const text = emitted.get(name);
    return text === undefined
      ? getSourceFile(elsewhere(name), ...more)
      : ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  };
  return ts.createProgram([...emitted.keys()], options, host);
}

/** The page, as it should be. */
export function surface(): string {
  const emitted = declarations();
  const program = published(emitted);
  const checker = program.getTypeChecker();
  const texts = new Map<string, string>();

  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const note = (name: string, symbol: ts.Symbol): void => {
    const ours = symbol.declarations?.filter((one) => emitted.has(one.getSourceFile().fileName)) ?? [];
    const top = ours.map((one) => (ts.isVariableDeclaration(one) ? one.parent.parent : one)).filter(ts.isStatement);
    if (!top[0] || texts.has(name)) return;
    texts.set(name, top.map((one) => one.getText().replace(/^(export )?(declare )?/, '')).join('\n'));
    for (const one of top) follow(one);
  };
  const follow = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const symbol = checker.getSymbolAtLocation(ts.isTypeReferenceNode(node) ? node.typeName : node.expression);
      if (symbol) note(symbol.getName(), resolved(symbol));
    }
    ts.forEachChild(node, follow);
  };

  const lists = Object.entries(ENTRIES).map(([entry, path]) => {
    const file = program.getSourceFile(`${OUT}client-sdk/${path}.d.ts`);
    const module = file && checker.getSymbolAtLocation(file);
    const names = (module ? checker.getExportsOfModule(module) : []).map((symbol) => {
      const target = resolved(symbol);
      const name = symbol.getName();
      // Each entry makes its own client.
      note(name.startsWith('create') ? `${name} (${entry})` : name, target);
      return target.flags & ts.SymbolFlags.Value ? `**${name}**` : name;
    });
    return `- \`${entry}\`: ${names.sort().join(', ')}`;
  });
  const all = [...texts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => (name.includes('(') ? `// ${name.replace(/.*\((.*)\)/, '$1')}\n${text}` : text));
  return `# What the SDK exports

Made by \`npx tsx scripts/sdk-surface.ts\` from the declarations that are published; a test compares. Who changes a line here changes the API: it belongs
into the [changelog](../CHANGELOG.md). What it all means stands in the declarations themselves and in [SDK.md](SDK.md).

Values are bold, all else are types.

${lists.join('\n')}

\`\`\`ts
${all.join('\n')}
\`\`\`
`;
}

/** The page as it lies in the repository. */
export const writtenSurface = (): string => readFileSync(TARGET, 'utf8');

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(TARGET, surface());
