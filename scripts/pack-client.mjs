// Packs the SDK alone into dist/: an npm package without dependencies, so that a front-end never installs the server.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildPublished, ENTRIES } from './published-sdk.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'dist/client-package';
process.chdir(root);

const README = `# fanfare-client

The browser SDK of Fanfare, a realtime notification server. No dependency.

\`\`\`js
import { createClient } from 'fanfare-client';

const client = createClient({ url: 'https://push.example.com', token });
async function token({ signal }) {
  const response = await fetch('/token', { signal });
  if (response.status === 401) return null; // logged out
  if (!response.ok) throw new Error('no token'); // asked again in a moment
  return response.text();
}
client.subscribe('news', {}, ({ data }) => console.log(data));
await client.publish('chat:1', { text: 'hi' });
\`\`\`

\`fanfare-client\` has every transport and falls back from WebSocket to server-sent events, long polls and short polls;
\`fanfare-client/websocket\` has the WebSocket alone. Where there is no global \`WebSocket\` (Node 20), hand one in:
\`createClient({ url, WebSocket })\`.
`;

function run(command, args, cwd = root) {
  const { status, stdout } = spawnSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (status !== 0) {
    process.stderr.write(stdout);
    throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
  }
  return stdout;
}

function manifest() {
  const { version, license, engines } = JSON.parse(readFileSync('package.json', 'utf8'));
  const entry = (name, source) => ({ types: `./types/client-sdk/${source}.d.ts`, default: `./${name}.js` });
  return {
    name: 'fanfare-client',
    version,
    description: 'The browser SDK of Fanfare, a realtime notification server.',
    license,
    type: 'module',
    sideEffects: false,
    engines,
    types: './types/client-sdk/index.d.ts',
    // For `moduleResolution: node10`, which does not look at `exports`.
    typesVersions: {
      '*': Object.fromEntries(
        Object.entries(ENTRIES).map(([name, source]) => [name, [`./types/client-sdk/${source}.d.ts`]]),
      ),
    },
    peerDependencies: { react: '>=18' },
    peerDependenciesMeta: { react: { optional: true } },
    exports: {
      ...Object.fromEntries(
        Object.entries(ENTRIES).map(([name, source]) => [name === 'index' ? '.' : `./${name}`, entry(name, source)]),
      ),
      './package.json': './package.json',
    },
  };
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'client-sdk']);
await buildPublished(folder);
// Types are copied as they lie, so that they find each other; dist/ may hold more than the present sources.
for (const name of ['types', 'hosts', 'errors', 'sse-types', 'testing/publication', ...Object.values(ENTRIES)]) {
  cpSync(`dist/client-sdk/${name}.d.ts`, `${folder}/types/client-sdk/${name}.d.ts`);
}
for (const file of readdirSync('src/protocol')) {
  const name = file.replace(/\.ts$/, '.d.ts');
  if (name !== file) cpSync(`dist/src/protocol/${name}`, `${folder}/types/src/protocol/${name}`);
}
cpSync('LICENSE', `${folder}/LICENSE`);
writeFileSync(`${folder}/README.md`, README);
writeFileSync(`${folder}/package.json`, `${JSON.stringify(manifest(), undefined, 2)}\n`);
const tarball = run('npm', ['pack', '--silent', '--pack-destination', '..'], folder).trim();
process.stdout.write(`dist/${tarball}\n`);
