#!/usr/bin/env node
// The `fanfare` command: reads the command line, runs what it names, and ends with the right exit code.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addConfigCommand } from './commands/config.js';
import { addDiscoveryCommand } from './commands/discovery.js';
import { addNodeCommand } from './commands/node.js';
import { addPublishCommand } from './commands/publish.js';
import { addStartCommand } from './commands/start.js';
import { addSubscribeCommand } from './commands/subscribe.js';
import { addTokenCommand } from './commands/token.js';
import { EXIT, failure } from './exit.js';

const COMMANDS = [
  addStartCommand,
  addNodeCommand,
  addDiscoveryCommand,
  addPublishCommand,
  addSubscribeCommand,
  addTokenCommand,
  addConfigCommand,
];

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return String(version);
}

function createProgram(): Command {
  const program = new Command('fanfare')
    .description('Realtime notification server: tell every open browser, now, without losing a message.')
    .version(versionOf())
    .exitOverride()
    .showSuggestionAfterError();
  for (const add of COMMANDS) add(program);
  // Each command decides by itself what it does not know; none may end the process before we see why.
  for (const command of program.commands) command.exitOverride();
  return program;
}

/** Commander has printed its own message already. */
function commandLineCode(error: CommanderError): number {
  return error.exitCode === 0 ? EXIT.ok : EXIT.badConfig;
}

// Whoever reads our output may stop: `fanfare subscribe news | head -1` ends well.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(commandLineCode(error));
  const { lines, code } = failure(error);
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(code);
}
