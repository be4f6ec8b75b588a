// `npm run loadtest`: the lab's table of scenarios, or with the flags of 0.1 the four transports side by side.

import { parseArgs } from 'node:util';
import { TRANSPORTS } from '../src/protocol/index.js';
import { compareWithFlags } from './comparison-command.js';
import { MIN_PAYLOAD_BYTES } from './payload.js';
import { describeColumns } from './plan/columns.js';
import { EXAMPLE } from './plan/scenario-file.js';
import { runLab } from './run/command.js';
import { runScale } from './scale.js';

const USAGE = `Usage: npm run loadtest -- [options]

Runs a table of scenarios, each server fresh for each measurement, round by round, and writes what came to a JSON file, with
a report beside it: one HTML page, a table in Markdown, and a picture.

  --quick              a small table, within 2 minutes on two cores
  --scenarios <file>   scenarios of one's own, a YAML file as below
  --only <names>       only these scenarios
  --rounds <n>         how often each line is measured (5; with --quick 2)
  --list               print the table, run nothing
  --out <file>         where the result goes (loadtest/results/lab-<date>-<commit>.json)
  --resume <file>      go on with a result that was interrupted; the same commit and machine only
  --report <file>      make the report of a result again
  --docs <file>        write docs/TRANSPORTS.md, and README's table and picture, from a result
  --compare <a> <b>    say what moved from one result to the other beyond noise
  --allow-busy         figures of a busy machine or driver count too, marked
  --scale <links>      instead: so many idle WebSockets over several nodes, assigned by discovery, and broadcasts to all
  --nodes <n>          how many nodes (6), one for each 20,000 links at least
  --json               print the result instead of a table

Interrupted by Ctrl-C it keeps every measurement that was done, and says how to go on.
Exits with 1 when messages went astray or a figure was refused, with 64 on wrong options; the last lines say why.

A file of scenarios: each column takes one value or a list, and every combination is measured.

${EXAMPLE.replace(/^/gm, '  ')}
${describeColumns()}

With any of these instead, the four transports are compared on one server, and a table is printed:

  --clients <n>        clients per transport (200)
  --rate <n>           messages per second (10)
  --seconds <n>        length of a measurement (10)
  --payload <bytes>    size of a message's JSON, at least ${MIN_PAYLOAD_BYTES} (128)
  --engine <name>      auto, uws or ws (auto)
  --broker <name>      redis (a private redis-server is started) or memory (redis)
  --transports <list>  ${TRANSPORTS.join(',')} (all)
  --poll-every <ms>    pause of a short poll (1000)
  --allow-busy, --json as above

They exit with 1 when messages went astray, when the rate was not kept (below 98 %), or when the machine or a driver was too busy for the
figures to be believed; the last line says why.
`;

const OPTIONS = {
  quick: { type: 'boolean' },
  scenarios: { type: 'string' },
  only: { type: 'string' },
  rounds: { type: 'string' },
  list: { type: 'boolean' },
  out: { type: 'string' },
  resume: { type: 'string' },
  report: { type: 'string' },
  docs: { type: 'string' },
  compare: { type: 'boolean' },
  scale: { type: 'string' },
  nodes: { type: 'string' },
  clients: { type: 'string' },
  rate: { type: 'string' },
  seconds: { type: 'string' },
  payload: { type: 'string' },
  engine: { type: 'string' },
  broker: { type: 'string' },
  transports: { type: 'string' },
  'poll-every': { type: 'string' },
  'allow-busy': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;
const MOST_LINKS = 1_000_000;
const MOST_NODES = 64;
const OF_THE_COMPARISON = [
  'clients',
  'rate',
  'seconds',
  'payload',
  'engine',
  'broker',
  'transports',
  'poll-every',
] as const;
const OF_THE_LAB = [
  'quick',
  'scenarios',
  'only',
  'rounds',
  'list',
  'out',
  'resume',
  'report',
  'docs',
  'compare',
] as const;

// Whoever ends early takes servers and clients along, as ending does.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const parsedArgs = parsed();
  if (typeof parsedArgs === 'string') return refuse([parsedArgs]);
  const { values, positionals } = parsedArgs;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const given = (names: readonly (keyof typeof values)[]) => names.filter((name) => values[name] !== undefined);
  const old = given(OF_THE_COMPARISON);
  const fresh = given(OF_THE_LAB);
  if (old.length > 0 && fresh.length > 0) return refuse([`--${old[0]} and --${fresh[0]} do not go together`]);
  if (positionals.length > 0 && !values.compare) return refuse([`unexpected: ${positionals.join(' ')}`]);
  // Alone, --json has always been the comparison's.
  if (values.scale !== undefined || values.nodes !== undefined) return scale(values.scale, values.nodes, old, fresh);
  const isComparison = old.length > 0 || (values.json === true && fresh.length === 0);
  const outcome = await (isComparison ? compareWithFlags(values) : runLab(values, positionals));
  return typeof outcome === 'number' ? outcome : refuse(outcome);
}

async function scale(links = '', nodes = '6', ...others: readonly (readonly string[])[]): Promise<number> {
  const [other] = others.flat();
  const whole = (text: string, most: number) => /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= most;
  if (other !== undefined) return refuse([`--scale and --${other} do not go together`]);
  if (!whole(links, MOST_LINKS))
    return refuse([`--scale: expected a whole number from 1 to ${MOST_LINKS}, got "${links}"`]);
  if (!whole(nodes, MOST_NODES))
    return refuse([`--nodes: expected a whole number from 1 to ${MOST_NODES}, got "${nodes}"`]);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  return runScale({ links: Number(links), nodes: Number(nodes), log });
}

function parsed() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function refuse(mistakes: readonly string[]): number {
  process.stderr.write(`${mistakes.join('\n')}\n\nnpm run loadtest -- --help says what there is.\n`);
  return 64;
}
