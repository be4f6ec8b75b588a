// `fanfare disconnect`: ends a user's links, which may come back after a second.

import type { Command } from 'commander';
import { PATHS } from '../../protocol/index.js';
import { type AdminFlags, askDiscovery } from '../admin-client.js';

/** Adds the command. */
export function addCommand(program: Command): void {
  program
    .command('disconnect')
    .description("end a user's links; its tokens stay good, and its clients come back after a second or more")
    .argument('<user>', "the user's name, `sub` of its tokens")
    .option('--url <url>', 'discovery (FANFARE_URL; default: http://127.0.0.1:8080)')
    .option('--admin-key <key>', "the server's admin key (FANFARE_ADMIN_KEY)")
    .action(async (user: string, flags: AdminFlags) => {
      await askDiscovery(flags, 'POST', `${PATHS.users}/${encodeURIComponent(user)}/disconnect`);
    });
}
