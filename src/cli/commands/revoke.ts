// `fanfare revoke`: ends tokens before they expire: a log-out, a ban, one token, or all of before a moment.

import type { Command } from 'commander';
import { ConfigError, type ConfigProblem, shown } from '../../config/config-problem.js';
import { readDuration, readWholeNumber } from '../../config/value-types.js';
import { PATHS, type RevocationRequest, type RevocationResponse } from '../../protocol/index.js';
import { type AdminFlags, askDiscovery } from '../admin-client.js';
import { ClientEnded } from '../client-ended.js';
import { pathSegment } from '../http-ask.js';

interface RevokeFlags extends AdminFlags {
  readonly jti?: string;
  readonly ban?: boolean;
  readonly issuedBefore?: string;
  readonly withdraw?: string;
  readonly reason?: string;
  readonly ttl?: string;
}

/** Adds the command. Standard output has the id alone, with which the revocation can be withdrawn; standard error says what was done. */
export function addCommand(program: Command): void {
  program
    .command('revoke')
    .description(
      'log a user out everywhere: tokens that were issued before now are not taken any more, and their links end',
    )
    .argument('[user]', "the user's name, `sub` of its tokens")
    .option('--ban', 'with a user: whatever its tokens were issued at, new ones too')
    .option('--jti <id>', 'instead of a user: the one token with this id')
    .option('--issued-before <seconds>', "instead of a user: everybody's tokens of before this moment, in Unix seconds")
    .option('--withdraw <id>', 'instead: take a revocation back')
    .option('--reason <text>', 'kept with it')
    .option('--ttl <duration>', 'how long it holds (default: the longest life of a token)')
    .option('--url <url>', 'discovery (FANFARE_URL; default: http://127.0.0.1:8080)')
    .option('--admin-key <key>', "the server's admin key (FANFARE_ADMIN_KEY)")
    .action((user: string | undefined, flags: RevokeFlags) => revoke(user, flags));
}

async function revoke(user: string | undefined, flags: RevokeFlags): Promise<void> {
  const { withdraw } = flags;
  const named = [user, flags.jti, flags.issuedBefore, withdraw].filter((one) => one !== undefined);
  if (named.length !== 1) {
    const message = 'expected one of a user, --jti, --issued-before and --withdraw';
    throw new ConfigError([{ option: 'user', source: 'argument', message }]);
  }
  if (withdraw !== undefined) {
    const path = `${PATHS.revocations}/${pathSegment(withdraw, 'withdraw', 'flag --withdraw')}`;
    await askDiscovery(flags, 'DELETE', path);
    process.stderr.write(`fanfare: the revocation ${withdraw} holds no more\n`);
    return;
  }
  const { json } = await askDiscovery(flags, 'POST', PATHS.revocations, requestOf(user, flags));
  const { id, pending } = (json ?? {}) as Partial<RevocationResponse>;
  if (typeof id !== 'string')
    throw new ClientEnded('network', 'what answers is no discovery of Fanfare: nothing is known to be revoked');
  if (pending !== undefined) {
    process.stderr.write(`fanfare: stored; not yet in force at: ${pending.join(', ') || 'unknown, Redis is away'}\n`);
  } else process.stderr.write(`fanfare: ${doneOf(user, flags)}; fanfare revoke --withdraw ${id} takes it back\n`);
  console.log(id);
}

/** Whom it is about, as it was typed. */
function doneOf(user: string | undefined, { jti, ban, issuedBefore }: RevokeFlags): string {
  if (jti !== undefined) return `the token ${shown(jti)} is not taken any more`;
  if (user === undefined) return `no token of before ${issuedBefore} is taken any more`;
  return `no token of ${shown(user)} is taken any more${ban === true ? '' : ' that was issued before now'}`;
}

function requestOf(sub: string | undefined, flags: RevokeFlags): RevocationRequest {
  const { jti, ban, issuedBefore, reason, ttl } = flags;
  const problems: ConfigProblem[] = [];
  const read = <T>(
    option: string,
    typed: string | undefined,
    reader: (text: string) => { value: T } | { expected: string },
  ) => {
    if (typed === undefined) return undefined;
    const reading = reader(typed);
    if ('value' in reading) return reading.value;
    const message = `got ${shown(typed)}, expected ${reading.expected}`;
    problems.push({ option, source: 'flag', message });
    return undefined;
  };
  const seconds = read('issuedBefore', issuedBefore, (text) => readWholeNumber(text, 0, 1e11));
  const expiresInMs = read('ttl', ttl, (text) => readDuration(text, '1ms', '8784h'));
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    ...(sub !== undefined && { sub }),
    ...(jti !== undefined && { jti }),
    ...(ban === true && { ban }),
    ...(seconds !== undefined && { issuedBefore: seconds }),
    ...(reason !== undefined && { reason }),
    ...(expiresInMs !== undefined && { expiresInMs }),
  };
}
