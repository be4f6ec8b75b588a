// The page "choosing a transport", made from a result: what each costs, and where short polls cost less than links that are held.

import type { Transport } from '../../src/protocol/index.js';
import type { LabResult } from '../run/result.js';
import { METRICS, type MetricName, type Summary, summarize } from '../run/summary.js';
import { cellOf } from '../run/text-table.js';

/** The scenario that has every transport, with short polls at several pauses. */
const SCENARIO = 're-polling';
const COLUMNS: readonly MetricName[] = ['serverUs', 'wireBytes', 'p50Ms', 'p99Ms'];
const PAUSES_MS = [500, 1_000, 2_000, 5_000, 10_000, 30_000];
const HELD: readonly Transport[] = ['websocket', 'sse', 'long-poll'];

/** What a short poll costs, by least squares: so much for being asked, and so much for each message in it. */
export interface PollCost {
  readonly perPoll: number;
  readonly perMessage: number;
}

/** `undefined`: the result has not two pauses to tell the two costs from each other by. */
export function pollCostOf(summaries: readonly Summary[], metric: MetricName): PollCost | undefined {
  const points = summaries.flatMap(({ arm, spreads }) => {
    const y = spreads[metric]?.median;
    if (arm.transport !== 'short-poll' || typeof arm.rate !== 'number' || y === undefined) return [];
    // A delivery pays its share of the poll that brought it.
    return [{ x: 1_000 / (arm.pollEvery * (arm.rate / arm.channels)), y }];
  });
  const mean = (of: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const spread = mean((point) => (point.x - x) ** 2);
  if (points.length < 2 || spread === 0) return undefined;
  const perPoll = mean((point) => (point.x - x) * (point.y - y)) / spread;
  return { perPoll, perMessage: Math.max(0, y - perPoll * x) };
}

/** How many messages a poll has to bring to cost less than as many deliveries over a link; `undefined`: it never does. */
export function evenAt({ perPoll, perMessage }: PollCost, heldPerDelivery: number): number | undefined {
  return heldPerDelivery > perMessage ? perPoll / (heldPerDelivery - perMessage) : undefined;
}

/** `undefined`: the result lacks the scenario. */
export function toChoosing(result: LabResult): string | undefined {
  const all = summarize(result);
  const summaries = all.filter(({ arm, counted }) => arm.scenario === SCENARIO && arm.engine === 'uws' && counted > 0);
  if (summaries.length === 0) return undefined;
  const { machine, command, begun } = result;
  const [first] = summaries;
  return [
    '# Choosing a transport',
    '',
    `Written by the load lab from a result of \`${command}\`, begun on ${begun.slice(0, 10)} at commit ${machine.commit}, with`,
    `\`npm run loadtest -- --docs <result>\`; do not edit. Measured on ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}.`,
    '',
    '## What each costs',
    '',
    `${first?.arm.links} clients on one channel, ${first?.arm.rate} message a second, engine uws. CPU and bytes are for each delivered message; bytes are those on the`,
    'wire, with the headers of TCP and IP, both ways.',
    '',
    ...costs(summaries),
    '',
    '## What a link costs while nothing happens',
    '',
    ...memory(all),
    '',
    '## Where short polls cost less',
    '',
    ...crossings(summaries),
    '',
    '## In short',
    '',
    '- **WebSocket** where it works: the SDK takes it first. Nothing costs less for each message, but short polls that bring many at a time.',
    '- **Server-sent events** where something on the way breaks WebSockets and lets streams through. What clients publish is a request each.',
    '- **Long poll** where streams are held back too: as quick, and each message is a whole request and answer.',
    '- **Short poll** where a delay of seconds is good enough and messages are many, or clients are so many that links cannot be held. Half of the',
    '  pause is what a message waits on average.',
    '',
  ].join('\n');
}

function costs(summaries: readonly Summary[]): readonly string[] {
  const heads = COLUMNS.map((name) => `${METRICS[name].name}, ${METRICS[name].unit}`);
  const order = ({ arm }: Summary) =>
    arm.transport === 'short-poll' ? arm.pollEvery : HELD.indexOf(arm.transport) - 9;
  const rows = [...summaries]
    .sort((a, b) => order(a) - order(b))
    .map((summary) => [nameOf(summary), ...COLUMNS.map((name) => cellOf(summary, name))]);
  return [
    `| | ${heads.join(' | ')} |`,
    `|---|${heads.map(() => '---:|').join('')}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ];
}

function nameOf({ arm: { transport, pollEvery } }: Summary): string {
  return transport === 'short-poll' ? `short poll, a pause of ${pollEvery / 1_000} s` : transport;
}

function memory(all: readonly Summary[]): readonly string[] {
  const idle = all.filter(
    ({ spreads, arm }) => spreads.linkKiB !== undefined && (arm.engine === 'uws' || arm.engine === 'ws'),
  );
  if (idle.length === 0) return ['This result does not tell.'];
  return [
    '| held link, subscribed | memory of the server, KiB |',
    '|---|---:|',
    ...idle.map((summary) => `| ${summary.arm.transport}, ${summary.arm.engine} | ${cellOf(summary, 'linkKiB')} |`),
    '',
    'A short poll leaves nothing behind at the server between two requests, save a socket where the client keeps it open.',
  ];
}

function crossings(summaries: readonly Summary[]): readonly string[] {
  const cost = pollCostOf(summaries, 'serverUs');
  if (cost === undefined) return ['This result has too few pauses to tell.'];
  const told = HELD.flatMap((transport) => {
    const held = summaries.find(({ arm }) => arm.transport === transport)?.spreads.serverUs?.median;
    if (held === undefined) return [];
    const messages = evenAt(cost, held);
    const rate = (pauseMs: number) =>
      messages === undefined ? 'never' : ((messages * 1_000) / pauseMs).toPrecision(2);
    return [
      `| ${transport} | ${messages === undefined ? 'never' : messages.toPrecision(2)} | ${PAUSES_MS.map(rate).join(' | ')} |`,
    ];
  });
  return [
    `A short poll costs ${cost.perPoll.toFixed(0)} µs of the server's CPU for being asked and ${cost.perMessage.toFixed(1)} µs for each message that it brings (least squares over the pauses`,
    'above). So it costs less than a link that is held once it brings this many messages at a time, or, by the pause, from this many',
    'messages a second for each client:',
    '',
    `| less than | messages in a poll | ${PAUSES_MS.map((pause) => `${pause / 1_000} s`).join(' | ')} |`,
    `|---|---:|${PAUSES_MS.map(() => '---:|').join('')}`,
    ...told,
    '',
    'Below these rates every empty answer is paid for, and a held link, which costs a heartbeat each 7 s, is cheaper.',
  ];
}
