// The page docs/CACHES.md: what thousands of pollers cost a node behind a cache, what that was measured with, and what is refused.

import type { Machine } from '../machine.js';
import type { StageResult } from './stages.js';

/** Specified. */
const P99_MS = 1_500;
const DELIVERIES_PER_CPU_SECOND = 1_000_000;
/** Messages a second at which both are asked. */
const JUDGED_AT = 4;
/** Chosen: what counts as the same number of requests, from the fewest pollers to the most. */
const FLAT = { ratio: 1.5, perSecond: 1 } as const;

export interface PollersRun {
  readonly results: readonly StageResult[];
  readonly command: string;
  readonly date: string;
  readonly machine: Machine;
}

/** What does not hold of what is promised. */
export function judge(results: readonly StageResult[]): readonly string[] {
  const faults: string[] = [];
  for (const { stage, tally, missing, p99Ms, deliveriesPerCpuSecond } of results) {
    const where = `${stage.pollers} pollers at ${stage.perSecond}/s`;
    const { stale, foreign, loops, holes, broken, refused } = tally;
    const none = { stale, foreign, loops, holes, 'broken connections': broken, refused, missing };
    for (const [name, count] of Object.entries(none)) if (count !== 0) faults.push(`${where}: ${count} ${name}`);
    if (stage.perSecond !== JUDGED_AT) continue;
    if (!(p99Ms <= P99_MS)) faults.push(`${where}: p99 ${p99Ms} ms`);
    if (!(deliveriesPerCpuSecond >= DELIVERIES_PER_CPU_SECOND)) {
      faults.push(`${where}: ${Math.round(deliveriesPerCpuSecond)} messages × pollers per CPU-second`);
    }
  }
  for (const rate of new Set(results.map(({ stage }) => stage.perSecond))) {
    const asked = results.filter(({ stage }) => stage.perSecond === rate).map(({ askedPerSecond }) => askedPerSecond);
    const [least, most] = [Math.min(...asked), Math.max(...asked)];
    if (most > FLAT.ratio * least + FLAT.perSecond) {
      faults.push(`at ${rate}/s the node is asked ${least.toFixed(1)} to ${most.toFixed(1)} times a second`);
    }
  }
  return faults;
}

const COLUMNS = [
  'pollers',
  'messages/s',
  'answers/s to pollers',
  'requests/s at the node',
  'delivery p50',
  'p99',
  'messages × pollers per CPU-second of the node',
  'CPU of the node',
  'of nginx',
  'memory of the node',
  'stale, foreign, loops, missing',
] as const;

/** A line of the table. */
export function rowOf(result: StageResult): string {
  const { stage, tally, seconds, missing, p50Ms, p99Ms } = result;
  const ms = (value: number) => (Number.isNaN(value) ? '–' : `${value} ms`);
  const cores = (cpuSeconds: number) => `${((100 * cpuSeconds) / seconds).toFixed(1)} %`;
  const cells = [
    count(stage.pollers),
    stage.perSecond === 0 ? 'silent' : String(stage.perSecond),
    count(result.answersPerSecond),
    result.askedPerSecond.toFixed(1),
    ms(p50Ms),
    ms(p99Ms),
    tally.messages === 0 ? '–' : count(result.deliveriesPerCpuSecond),
    cores(result.nodeCpuSeconds),
    cores(result.cacheCpuSeconds),
    `${Math.round(result.nodeMiB)} MiB`,
    [tally.stale, tally.foreign, tally.loops, missing].join(', '),
  ];
  return `| ${cells.join(' | ')} |`;
}

export function toPage({ results, command, date, machine }: PollersRun): string {
  const faults = judge(results);
  const minutes = results.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  return `# Pollers behind a cache

Written by \`${command}\` on ${date}; do not edit. How to put a cache in front of nodes stands in [OPERATIONS.md](OPERATIONS.md#a-cache-before-public-channels).

Clients follow a public channel by long polls of its [URL](PROTOCOL.md#18-a-channel-by-its-url), each over a connection of its own, through nginx with two workers and the configuration of
[deploy/nginx-cache.conf](../deploy/nginx-cache.conf) as it stands, in front of one node on Redis. Nobody else publishes or reads, but in the stages at 4 and 16 messages a second: there, others read another public channel, and one that
is not public, with a token and without.

| ${COLUMNS.join(' | ')} |
|${'---|'.repeat(COLUMNS.length)}
${results.map(rowOf).join('\n')}

${faults.length === 0 ? `All that is promised holds, in ${minutes.toFixed(0)} minutes of watching:` : `**Not all that is promised holds** (${faults.join('; ')}):`} a node is asked as often for the most pollers as for the fewest (at most
${FLAT.ratio} times as often, and ${FLAT.perSecond} a second), also on a silent channel; at ${JUDGED_AT} messages a second the 99th percentile of delivery is at most ${P99_MS / 1_000} s, and a CPU-second of the node is good for at least ${count(DELIVERIES_PER_CPU_SECOND)} messages × pollers;
no answer is stale (a message that its reader has had), foreign (of another channel, or for others) or a loop (the next request would be the same), and no message is missing. At 16 messages a second the figures are only told.

## How it is measured

- Time of delivery is from the publisher's clock before \`FCALL\` to the client's when it reads the answer, on the same machine. nginx looks each half second whether the answer that it waits for is there.
- Requests at the node are counted by nginx, a new one in each stage: one for each that it sent there. (Whoever leaves while it waits is asked for all the same, once what it waited for has come.)
- CPU is of all threads, user and system, in percent of one processor; memory is resident. Clients, publisher, Redis, nginx and node share the machine: ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, Redis ${machine.redis}, commit ${machine.commit}.
- Before a stage with messages is watched it has run for 4 s, a silent one for 22 s: by then everybody has come to one of the moments at which all waits end.
`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
