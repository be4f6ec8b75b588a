// Writes the generated parts of the docs: `npx tsx scripts/docs-tables.ts`, or with `--check` says what is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { optionTable } from '../src/config/describe-config.js';
import { CLOSE, CODES, type Code, codeInfo, mayReconnect } from '../src/protocol/index.js';
import { BAD_INPUTS } from '../test/conformance/bad-inputs.js';
import { answerOf, type BadInput } from '../test/conformance/bad-inputs-case.js';

const ROOT = new URL('../', import.meta.url);
const COMMAND = 'npx tsx scripts/docs-tables.ts';

/** A file's generated parts: marker name → text between `<!-- name:begin -->` and `<!-- name:end -->`. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/PROTOCOL.md': { codes: codesTable, 'close-codes': closeCodesTable },
  'docs/ERRORS.md': { inputs: inputsTable },
  'docs/OPERATIONS.md': { options: optionTable },
  'docs/BACKENDS.md': Object.fromEntries(
    Object.entries({
      ...{ java: 'UserChannel.java', 'redis-py': 'redis_py.py', phpredis: 'phpredis.php', predis: 'predis.php' },
      ...{ 'node-redis': 'node-redis.mjs', ioredis: 'ioredis.mjs', 'redis-rb': 'redis.rb', go: 'http.go' },
      ...{ 'history-python': 'history/history.py', 'history-php': 'history/history.php' },
      ...{ 'history-node': 'history/history.mjs', 'history-ruby': 'history/history.rb' },
      ...{ 'history-go': 'history/history.go', 'history-java': 'history/History.java' },
      ...{ 'history-curl': 'history/history.sh' },
    }).map(([name, file]) => [name, () => recipe(file)]),
  ),
};

const CLOSE_MEANING: Readonly<Record<keyof typeof CLOSE, string>> = {
  draining: 'the node is being drained: ask discovery for another',
  overloaded: 'the node is full, or its user has too many links there',
  slowConsumer: 'the client reads too slowly: resume, nothing that is in history is lost',
  heartbeatTimeout: 'nothing was heard from the client, or no valid `connect` in time',
  rateLimited: 'the client kept on over the rate limit, or sent too many pings and pongs',
  tokenExpired: 'the ticket has ended: get another',
  internal: 'something went wrong in the node',
  brokerUnavailable: 'the node cannot do without its broker now',
  disconnected: "a backend has ended the user's links: connect again, after a second or more",
  badRequest: 'the client broke the protocol, for instance with a binary frame',
  unauthorized: 'the ticket is not good: get another, once',
  revoked: 'the token has been revoked',
  tooLarge: 'a frame was over the limit',
  unsupportedVersion: 'the node does not speak this version',
};

/** A program of examples/backends as it stands. */
function recipe(file: string): string {
  const language = { py: 'python', mjs: 'js', rb: 'ruby' }[file.split('.').at(-1) ?? ''] ?? file.split('.').at(-1);
  return `\`\`\`${language}\n${readFileSync(new URL(`examples/backends/${file}`, ROOT), 'utf8').trimEnd()}\n\`\`\``;
}

/** The table of codes in docs/PROTOCOL.md. */
export function codesTable(): string {
  const rows = (Object.keys(CODES) as Code[]).map((code) => {
    const { status, close, retry, title } = codeInfo(code);
    return `| \`${code}\` | ${status} | ${close ?? '`error`'} | ${retry ? 'yes' : 'no'} | ${title} |`;
  });
  return [
    'On a WebSocket, a code with a close code *can* end the link; where it does not, it is an `error`.',
    '',
    '| code | HTTP | WebSocket, stream | retry | meaning |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The table of close codes in docs/PROTOCOL.md. */
export function closeCodesTable(): string {
  const rows = Object.entries(CLOSE).map(([name, code]) => {
    const meaning = CLOSE_MEANING[name as keyof typeof CLOSE];
    return `| ${code} | ${mayReconnect(code) ? 'yes' : 'no'} | ${meaning} |`;
  });
  return ['| close code | reconnect | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** The sections of docs/ERRORS.md, from the data that the bad-input suite runs. */
export function inputsTable(): string {
  const groups = new Map<string, BadInput[]>();
  for (const input of BAD_INPUTS) groups.set(input.group, [...(groups.get(input.group) ?? []), input]);
  return [...groups]
    .map(([group, inputs]) =>
      [`## ${group}`, '', '| input | answer |', '|---|---|', ...inputs.map(inputRow)].join('\n'),
    )
    .join('\n\n');
}

function inputRow(input: BadInput): string {
  return `| ${cell(input.title)} | ${cell(answerOf(input))} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** `text` with the part between the markers of `name` replaced. Throws when the markers are not there. */
export function withPart(text: string, name: string, part: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`no ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n${part}\n${text.slice(to)}`;
}

/** Files whose generated parts are stale, with what they should be. */
export function staleDocs(): ReadonlyMap<string, string> {
  const stale = new Map<string, string>();
  for (const [path, parts] of Object.entries(PARTS)) {
    const text = readFileSync(new URL(path, ROOT), 'utf8');
    let fresh = text;
    for (const [name, render] of Object.entries(parts)) fresh = withPart(fresh, name, render());
    if (fresh !== text) stale.set(path, fresh);
  }
  return stale;
}

if (process.argv[1]?.endsWith('docs-tables.ts')) {
  const check = process.argv.includes('--check');
  for (const [path, text] of staleDocs()) {
    if (check) process.exitCode = 1;
    else writeFileSync(new URL(path, ROOT), text);
    console.log(check ? `${path} is stale: run ${COMMAND}` : `wrote ${path}`);
  }
}
