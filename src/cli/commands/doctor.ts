// `fanfare doctor`: asks Redis, discovery and every node as a client would, and says what is wrong and what mends it.

import type { Command } from 'commander';
import { signToken } from '../../auth/token-signer.js';
import { ConfigError, type ConfigProblem, shown } from '../../config/config-problem.js';
import { flagLayer } from '../../config/layers.js';
import { readOptions } from '../../config/load-config.js';
import { ROLES } from '../../config/option-info.js';
import { type Config, OPTION_KEYS } from '../../config/schema.js';
import { CODES } from '../../protocol/index.js';
import { type DoctorTerms, examine, reportText } from '../doctor/doctor.js';
import { FINDING_CODES, Findings } from '../doctor/finding.js';
import { EXIT } from '../exit.js';
import { addOptionFlags, bareFlags, strayWords } from '../option-flags.js';
import { redisPlaceOf } from '../redis-place.js';
import { DEFAULT_URL, readUrl, serverUrl } from '../server-url.js';
import { signingTerms } from '../signing-terms.js';

interface DoctorFlags {
  readonly url?: string;
  readonly opsUrl?: string;
  readonly token?: string;
  readonly origin?: string;
  readonly ignore?: string;
  readonly json?: boolean;
}

const TOKEN_LIFE_MS = 60_000;
/** Chosen, where nobody has written down how many: a service manager's own limit of 1,024 files leaves room for 512. */
const WANTED_CONNECTIONS = 4_000;
const LOOPBACK = '127.0.0.1';
const ANY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Adds the command. It ends with 0 where nothing was found, and with 1 otherwise. */
export function addCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('ask Redis, discovery and every node as a client would; says what is wrong and which setting mends it')
    .option('--url <url>', `discovery, or \`start\` (FANFARE_URL; default: ${DEFAULT_URL})`)
    .option(
      '--ops-url <url>',
      "discovery's port for operators (default: asks --url, and FANFARE_OPS_PORT on this machine)",
    )
    .option('--token <token>', 'of a user (FANFARE_TOKEN; default: one signed with FANFARE_AUTH_SECRET)')
    .option('--origin <origins>', 'of pages that are to be let in, comma-separated (default: those of FANFARE_ORIGINS)')
    .option('--ignore <codes>', 'findings that are known and accepted, comma-separated')
    .option('--json', 'print the report as JSON');
  addOptionFlags(command, ROLES).action((flags: DoctorFlags, own: Command) => run(flags, own));
}

async function run(flags: DoctorFlags, command: Command): Promise<void> {
  const found = new Findings();
  const report = await examine(await termsOf(flags, command, found), found);
  console.log(flags.json === true ? JSON.stringify(report, null, 2) : reportText(report));
  process.exitCode = report.clean ? EXIT.ok : EXIT.refused;
}

/** Throws `ConfigError` for flags that do not exist, and for arguments; what is wrong with the configuration is found, and the rest is used. */
async function termsOf(flags: DoctorFlags, command: Command, found: Findings): Promise<DoctorTerms> {
  const stray = flagLayer({}, strayWords(command)).problems;
  if (stray.length > 0) throw new ConfigError(stray);
  const { values, sources, problems } = readOptions(OPTION_KEYS, { flags: command.opts(), env: process.env });
  const bare = bareFlags(command);
  if (bare.length > 0) throw new ConfigError(bare);
  for (const { option, source, message } of problems) {
    found.error('configuration', 'bad_configuration', `${option} (${source}): ${message}`, `${option}`);
  }
  const wrongUrl: ConfigProblem[] = [];
  const url = serverUrl(flags.url, wrongUrl);
  const operatorsUrls = placesOfOperators(url, flags.opsUrl, values, wrongUrl);
  if (wrongUrl.length > 0) throw new ConfigError(wrongUrl);
  const { prefix = 'fanfare', adminKey, origins = [], authJwksUrl, maxConnections } = values;
  const place = redisPlaceOf(values);
  const written = origins.filter((origin) => origin !== '*' && origin !== 'loopback');
  const isWritten = sources.get('maxConnections') !== 'default';
  return {
    redis: place === undefined ? undefined : { place, prefix },
    url,
    adminKey: adminKey?.[0],
    operatorsUrls,
    token: flags.token ?? (process.env.FANFARE_TOKEN || (await ownToken(command))),
    origins: flags.origin === undefined ? written : listOf(flags.origin),
    jwksUrl: authJwksUrl,
    wantedConnections: isWritten && maxConnections !== undefined ? maxConnections : WANTED_CONNECTIONS,
    ignored: ignoredCodes(flags.ignore),
  };
}

/** Whatever is typed alone; else where clients ask too, for whoever has a key, and the port that a process of this environment has. */
function placesOfOperators(
  url: string,
  typed: string | undefined,
  { adminKey, opsHost = LOOPBACK, opsPort }: Partial<Config>,
  problems: ConfigProblem[],
): readonly string[] {
  if (typed !== undefined) return [readUrl({ option: 'opsUrl', source: 'flag --ops-url' }, typed, problems)];
  const host = ANY_ADDRESS.has(opsHost) ? LOOPBACK : opsHost;
  const own = `http://${host.includes(':') ? `[${host}]` : host}:${opsPort}`;
  return [...(adminKey === undefined ? [] : [url]), ...(opsPort === undefined || opsPort === 0 ? [] : [own])];
}

/** Throws `ConfigError` for one that is never found: whoever wrote it believes that something is left out. */
function ignoredCodes(typed = ''): ReadonlySet<string> {
  const ignored = new Set(listOf(typed));
  const known = new Set<string>([...FINDING_CODES, ...Object.keys(CODES)]);
  const unknown = [...ignored].filter((code) => !known.has(code));
  const expected = `expected ${FINDING_CODES.join(', ')}, or the code with which a token is refused`;
  const problemOf = (code: string) => ({
    option: 'ignore',
    source: 'flag --ignore',
    message: `got ${shown(code)}, ${expected}`,
  });
  if (unknown.length > 0) throw new ConfigError(unknown.map(problemOf));
  return ignored;
}

/** `undefined` where only somebody else can sign. It grants nothing. */
async function ownToken(command: Command): Promise<string | undefined> {
  const terms = signingTerms(command.opts(), process.env, []);
  if (terms === undefined) return undefined;
  return signToken({ ...terms, subject: 'fanfare-doctor', grants: {}, lifetimeMs: TOKEN_LIFE_MS });
}

function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
