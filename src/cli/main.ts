#!/usr/bin/env node
// The `fanfare` command: reads the command line, runs what it names, and ends with the right exit code.

import { Command, CommanderError } from 'commander';
import { EXIT, failure } from './exit.js';
import { VERSION } from './version.js';

/** Each loads what it needs when it is named: a client command need not wait for a server's parts. */
const COMMANDS: Readonly<Record<string, () => Promise<{ addCommand(program: Command): void }>>> = {
  start: () => import('./commands/start.js'),
  node: () => import('./commands/node.js'),
  discovery: () => import('./commands/discovery.js'),
  publish: () => import('./commands/publish.js'),
  subscribe: () => import('./commands/subscribe.js'),
  history: () => import('./commands/history.js'),
  delete: () => import('./commands/delete.js'),
  token: () => import('./commands/token.js'),
  revoke: () => import('./commands/revoke.js'),
  disconnect: () => import('./commands/disconnect.js'),
  config: () => import('./commands/config.js'),
  doctor: () => import('./commands/doctor.js'),
};

async function createProgram(name: string | undefined): Promise<Command> {
  const program = new Command('fanfare')
    .description('Realtime notification server: tell every open browser, now, without losing a message.')
    .version(VERSION)
    // Inherited by every command: none may end the process before we see why.
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'fanfare: ')) });
  const modules = await Promise.all(loadersFor(name).map((load) => load()));
  for (const { addCommand } of modules) addCommand(program);
  return program;
}

/** The help names all of them, a version none. */
function loadersFor(name: string | undefined) {
  if (name === '--version' || name === '-V') return [];
  const named = Object.entries(COMMANDS).find(([known]) => known === name)?.[1];
  return named === undefined ? Object.values(COMMANDS) : [named];
}

/** Commander has printed its own message already. */
function commandLineCode(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.badConfig;
}

/** Commands that are there to be read, and do nothing else. */
const READS: ReadonlySet<string | undefined> = new Set(['subscribe', 'history']);

// Whoever reads our output may stop: `fanfare subscribe news | head -1` ends well. What does something does it to its end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (READS.has(process.argv[2])) process.exit(EXIT.ok);
});
process.stderr.on('error', () => {
  // There is nobody to tell.
});

try {
  await (await createProgram(process.argv[2])).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(commandLineCode(error));
  const { lines, code } = failure(error);
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(code);
}
