// `fanfare disconnect`: ends a user's links, which may come back after a second.

import type { Command } from 'commander';
import { shown } from '../../config/config-problem.js';
import { PATHS } from '../../protocol/index.js';
import { type AdminFlags, askDiscovery } from '../admin-client.js';

/** Adds the command. Standard error says what was done. */
export function addCommand(program: Command): void {
  program
    .command('disconnect')
    .description("end a user's links; its tokens stay good, and its clients come back after a second or more")
    .argument('<user>', "the user's name, `sub` of its tokens")
    .option('--url <url>', 'discovery (FANFARE_URL; default: http://127.0.0.1:8080)')
    .option('--admin-key <key>', "the server's admin key (FANFARE_ADMIN_KEY)")
    .action(async (user: string, flags: AdminFlags) => {
      await askDiscovery(flags, 'POST', PATHS.disconnect, { sub: user });
      process.stderr.write(`fanfare: the links of ${shown(user)} end now\n`);
    });
}
