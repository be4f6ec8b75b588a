// `fanfare token`: signs a user's token, for trying things out and for backends' first steps.

import { type Command, Option } from 'commander';
import { escapeSubject } from '../../auth/grant-patterns.js';
import { signToken } from '../../auth/token-signer.js';
import { ConfigError, type ConfigProblem, shown } from '../../config/config-problem.js';
import { type Reading, readDuration } from '../../config/value-types.js';
import { channelPatternProblem, LIMITS } from '../../protocol/index.js';
import { signingTerms } from '../signing-terms.js';

interface TokenFlags {
  readonly sub: string;
  readonly subscribe?: string;
  readonly publish?: string;
  readonly presence?: string;
  readonly publishLive?: string;
  readonly ttl: string;
}

type GrantOption = 'subscribe' | 'publish' | 'presence' | 'publishLive';

const DEVELOPMENT_ONLY =
  'fanfare: signed with the development secret, which everybody can read: only `fanfare start` on this machine without any configuration takes it; set FANFARE_AUTH_SECRET for any other server';
const NO_GRANT =
  'fanfare: this token grants no channel: --subscribe and --publish do; without them it is good for what the namespaces of the server leave open to everybody';

/** Adds the command. It prints the token alone, so that a script can take it; a note goes to standard error. */
export function addCommand(program: Command): void {
  program
    .command('token')
    .description("sign a user's token with FANFARE_AUTH_SECRET; without any configuration, with the development secret")
    .requiredOption('--sub <user>', "the user's name")
    .option('--subscribe <patterns>', 'channels to read, comma-separated: news,chat:*')
    .option('--publish <patterns>', 'channels to publish on')
    .option('--publish-live <patterns>', 'channels to publish on what nobody keeps')
    // A server knows the grant already, and nothing that asks for it.
    .addOption(new Option('--presence <patterns>').hideHelp())
    .option('--ttl <duration>', 'life of the token, up to 24h', '1h')
    .option('--config <path>', 'config file in YAML (FANFARE_CONFIG)')
    .option('--auth-secret <secret>', 'the secret to sign with (FANFARE_AUTH_SECRET)')
    .option('--auth-secret-file <path>', 'a file that holds it (FANFARE_AUTH_SECRET_FILE)')
    .option('--auth-issuer <text>', '`iss` of the token (FANFARE_AUTH_ISSUER)')
    .option('--auth-audience <text>', '`aud` of the token (FANFARE_AUTH_AUDIENCE)')
    .action((flags: TokenFlags) => printToken(flags));
}

async function printToken(flags: TokenFlags): Promise<void> {
  const problems: ConfigProblem[] = [];
  if (flags.sub.length === 0 || Buffer.byteLength(flags.sub) > 255) {
    problems.push({ option: 'sub', source: 'flag --sub', message: 'expected 1 to 255 bytes' });
  }
  const lifetime: Reading<number> = readDuration(flags.ttl, '1s', '24h');
  if (!('value' in lifetime)) {
    problems.push({
      option: 'ttl',
      source: 'flag --ttl',
      message: `got "${flags.ttl}", expected ${lifetime.expected}`,
    });
  }
  const patternsOf = (option: GrantOption) => patternsIn(option, flags, problems);
  const grants = {
    subscribe: patternsOf('subscribe'),
    publish: patternsOf('publish'),
    presence: patternsOf('presence'),
    publishLive: patternsOf('publishLive'),
  };
  const terms = signingTerms({ ...flags }, process.env, problems);
  if (problems.length > 0 || terms === undefined || !('value' in lifetime)) throw new ConfigError(problems);
  if (Object.values(grants).every((patterns) => patterns.length === 0)) process.stderr.write(`${NO_GRANT}\n`);
  if (terms.development) process.stderr.write(`${DEVELOPMENT_ONLY}\n`);
  console.log(await signToken({ ...terms, subject: flags.sub, grants, lifetimeMs: lifetime.value }));
}

/** Adds to `problems` what every server would refuse; whether `*` alone may grant everything is for a server to say. */
function patternsIn(option: GrantOption, flags: TokenFlags, problems: ConfigProblem[]): readonly string[] {
  const patterns = listOf(flags[option] ?? '');
  const source = option === 'publishLive' ? 'flag --publish-live' : `flag --${option}`;
  const refuse = (message: string) => problems.push({ option, source, message });
  if (patterns.length > LIMITS.maxGrantPatterns) {
    refuse(`expected at most ${LIMITS.maxGrantPatterns} patterns, got ${patterns.length}`);
  }
  for (const pattern of patterns) {
    const problem = channelPatternProblem(pattern.replaceAll('${sub}', escapeSubject(flags.sub)), true);
    if (problem !== undefined) refuse(`got ${shown(pattern)}, expected the pattern of a channel: ${problem}`);
  }
  return patterns;
}

function listOf(patterns: string): readonly string[] {
  return patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '');
}
