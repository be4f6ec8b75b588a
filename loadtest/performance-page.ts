// The page docs/PERFORMANCE.md: a bench's result, how it was measured, and what is refused.

import { curvesSection } from './curves/page.js';
import type { CurvesResult } from './curves/result.js';
import { type Figure, median, type Verdict, verdict } from './figures.js';
import { bound, budgeted, informative, type Result, spread } from './report.js';
import { LIMITS } from './validity.js';

const MARKS: Record<Verdict, string> = { met: 'met', 'above the floor': 'above the floor', missed: '**MISSED**' };

/** Without curves the page says nothing of growth. */
export function toMarkdown(result: Result, curves?: CurvesResult): string {
  const growth = curves === undefined ? [] : [curvesSection(curves)];
  return [head(result), tables(result), ...growth, method(result), refusals(), words()].join('\n');
}

function head({ command, date, machine }: Result): string {
  return `# Performance

Written by \`${command}\` on ${date}; do not edit. Run it on an otherwise idle machine: on another it refuses.

| machine | |
|---|---|
| processors | ${machine.cpu} |
| memory | ${machine.memoryGiB} GiB |
| kernel | Linux ${machine.kernel} |
| Node | ${machine.node} |
| Redis | ${machine.redis} |
| commit | ${machine.commit} |
`;
}

function tables(result: Result): string {
  return `## Budgets

| what | median (min to max) | budget | |
|---|---|---|---|
${budgeted(result).map(budgetRow).join('\n')}

## Absolute figures

| what | median (min to max) |
|---|---|
${informative(result)
  .map((figure) => `| ${figure.what} | ${spread(figure)} |`)
  .join('\n')}
`;
}

function budgetRow(figure: Figure): string {
  const said = verdict(figure);
  return `| ${figure.what} | ${spread(figure)} | ${bound(figure)} | ${said === undefined ? '' : MARKS[said]} |`;
}

function method({ pairs, figures }: Result): string {
  return `## How it is measured

Ratios are to a bare loop in the same run: an ioredis subscriber whose payloads go straight to \`app.publish\` of uWebSockets.js
([loadtest/bare/server.ts](../loadtest/bare/server.ts)), with a Redis, publisher, clients and payload of 128 bytes of the same kind. A server
is held against the bare loop under the same traffic: logged messages against a bare loop that forwards the data of the same logged messages,
live ones against one that forwards the same live ones. Servers take turns, ${pairs} rounds; each ratio is taken within one round, and the
tables show the median with the extremes.

- **CPU, not wall time.** The time of all threads of the server's process, user and system, in nanoseconds from \`schedstat\`; the publisher's,
  the clients' and Redis' are watched beside it. Over loopback the sender of a packet also runs much of the receiver's TCP, in its own system
  call: the server is billed for part of what its clients' kernels would do elsewhere, and every figure per CPU-second is lower for it,
  the bare loop's too.
- **Open loop.** A paced publisher sends at each wake-up all that is due. Each message carries the time when it was due, and latency counts
  from there: a publisher that lags makes latencies longer instead of hiding them.
- **Every message has a number** of its channel, and every client's numbers are judged: a lost and a repeated delivery never cancel.
- **Floods are in step.** A burst of 64 messages is published in one write, the next when every client has it and the drivers have rested a
  little. With more on their way, slow clients would make larger bursts, and larger bursts are cheaper (see the floods in bursts of 1 and of 64${burstSpan(figures)}).
- **Polls ask again one by one**, each when it has its own answer, whatever the publisher and the others do. The bare loop's polls carry a
  position too, and who is behind gets what is missing at once.

Two builds are compared with \`npm run bench -- --against <commit>\`: both are alive, take turns (A B B A) under the drivers and the Redis of
this one, and something is worse when the median of the ratios is below 0.97 and its 95 % interval lies wholly below 1.
What has moved since this page was written says \`npm run bench -- --check\`: ratios are measured anew, and have moved where the 95 % interval of their median lies wholly beyond
that of then (three values beside seven: beyond all of them). It is for information, and never compares absolute figures. In CI \`npm test\` ends with a short form of it.
Where the time of the servers goes says \`npm run bench -- --profile\`: the twenty functions of each scenario that take most of it, as text in
\`loadtest/results/profiles\`.

${SEEN_BESIDE}On a machine that is busy with something else a server wakes up late and finds more to do, and every delivery becomes cheaper, that of a poll most
of all: at a load of 20 a long poll came to 0.74 × bare. That is why a busy machine is refused and not merely noted.
`;
}

/** What was found out by other means, and by hand. */
const SEEN_BESIDE = `### Beside another load client

A load client of another make, a single C program around one epoll loop, was held against this bench on 2026-11-26, five rounds, each ratio to a
bare loop under live messages. With \`uws\` the two agree within 10 %: flooded 0.85 (here 0.88), paced 0.89 (0.96), own channels 0.55 logged and
0.76 live (0.58 and 0.78), long polls 0.42 (0.39). With \`ws\` so do paced (0.72 and 0.75) and own channels (0.52 and 0.51). Two figures of \`ws\` differ:

- *Flooded*, 1.15 there and 1.45 here. That client keeps 64 single messages on their way instead of publishing bursts of 64, and what \`ws\` finds
  each time that it wakes up decides what a delivery costs: see its floods in bursts of 1 and of 64 above, between which 1.15 lies.
- *Long polls at 10 messages a second*, 0.34 there and none here: \`ws\` needs more than a processor for them, and a saturated server is refused.

The lab (\`npm run loadtest\`) was held against it on 2026-11-28, µs of the server per delivery, three rounds of the lab and four of the other, one after the other: paced 5.7 (there 5.2) and bare 4.3 (4.6), long polls 30 (29),
bare 12 (13) and nchan 13 (14), SSE 5.9 (6.4). One channel for each client does not agree, 17 and 13: the lab has a fresh server for each measurement, of 4 s, and the other one has the same for all rounds. With \`seconds: 20\` in its YAML the
lab came to 12. SSE of nchan was 6.9 here and 8.1 there, of rounds that were 13 % apart, and the bare loop of own channels 7.7 to 11.6 from one quarter of an hour to the next.

### A hundred thousand links

\`npm run loadtest -- --scale 100000\`, on 2026-11-28 on a machine with two processors, which servers, Redis and clients share: 100,000 idle, subscribed WebSockets on 6 nodes of one cluster, assigned by discovery, with a heartbeat each 60 s
(so that a hundred thousand clients leave the processors to the servers). Open within 68 s, a token and a ticket for each included; 16,666 or 16,667 on each node; 904 MiB for all nodes together, 2.8 to 3.2 KiB that came with each link.
Each of five broadcasts reached all of them, the slowest within 2.1 s (p50 0.8 s).

### Where it falls short, and why

What was asked of these servers and did not come, with the profile that says where the time goes (\`perf\`, all threads of the server):

- *Flooded, clients that have a tick in one frame: 1.5 × bare asked, 1.2 × came (1.5 × by a frame each on \`ws\`), and 0.9 × a bare loop that joins.* Seven tenths of the time are the kernel's: a burst of 64 messages is one write for each link, of 13.9 KB, of which 8.2 KB
  are the payloads that the bare loop sends; the rest are the type, the channel and the offset that stand in each event. Over loopback each of these bytes is copied twice on the server's account. Before
  [decision 35](decisions/0035-batches-end-with-their-callback.md) there were two writes for each link and burst on \`uws\`, and joined frames cost as much as single ones.
- *Flooded beside nchan: 20 × asked, 19 × came (\`ws\`; 16 × \`uws\`, joined).* The same bytes: the bare loop itself, which sends the payload alone, comes to 13 ×.
- *SSE beside nchan, paced: 1.2 × asked, 1.16 × came in the lab of 2026-11-27; a day later 1.18 × there and 1.27 × on the other load client.* An event bears its channel and its offset in 355 bytes on the wire where nchan's has 257. Since then a stream's
  one piece of a tick needs no list, which spares the collector the copying of 4 MB in each half second: 1.55 × on the other load client on 2026-11-28, where nchan's own figures lay between 101,000 and 182,000 from run to run; the lab has not been run again.
- *One channel for each client, beside nats-server: 1.0 × asked, 0.8 × came; 0.75 × bare on the other load client asked.* A process that has just begun spends two fifths of its first seconds there in V8's optimising
  compiler, since all of the path from Redis to the socket becomes hot at once; nats-server is compiled before. Measured round after round in one process, without a pause between the servers, it came to 0.52, 0.46, 0.78, 0.61
  and 0.75 × bare. A longer warm-up in the bench is why it says more. What was tried: a reader of our own for what Redis pushes, no ring where one link follows, a lone link that takes its frame without a topic.
- *Long polls: 0.75 × bare asked, 0.42 to 0.59 × came, and nchan is ahead (0.9).* There is no hot spot: 30 % kernel, 15 % built-in functions of V8, 14 % code of ours, 10 % garbage collection, 6 % still the compiler, 4 % look-ups
  in maps. A bare poll is one regular expression; a poll here is a request that is read whole, counted against limits by its bytes, with a ticket that may have been revoked and an answer that bears positions. Answering at once instead of a turn
  later was 10 % dearer; answers are shared by all who wait at one position. nchan is C, and checks no ticket. Half of the collector's part went on 2026-11-28: each poll that had left kept the next one, so that every one of them
  was copied twice more. With nothing but polls in the process that made 0.59 of 0.49; in turn with other scenarios in the same process it is still 0.42, which is not understood.

`;

/** What the smallest and the largest bursts come to, where they were measured. */
function burstSpan(figures: readonly Figure[]): string {
  const of = (burst: number): string | undefined => {
    const figure = figures.find(
      ({ what, unit }) =>
        unit === '× bare' && what.startsWith('1000 WebSockets') && what.endsWith(`bursts of ${burst}, ws logged`),
    );
    return figure === undefined ? undefined : median(figure.values).toFixed(2);
  };
  const [one, many] = [of(1), of(64)];
  return one === undefined || many === undefined ? '' : `: ws at ${one} and at ${many} × bare`;
}

function refusals(): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return `## What is refused

A run fails, with the reason, when a delivery was lost, repeated or out of order, when a link ended or brought a gap or an error, or when the
publisher achieved less than ${percent(LIMITS.leastOfRate)} of the rate that it was asked for. A window is measured again, at most five times, and then refused:

| when | because |
|---|---|
| a driver (the publisher, or a process with clients) used more than ${percent(LIMITS.driverShare)} of a processor | beyond that clients wait for their own process, and what is measured is the driver |
| the server used more than ${percent(LIMITS.serverShare)} of a processor where a rate is kept | beyond that it answers late and with several messages at once, and each costs less than it would |
| a driver's event loop was late by more than ${LIMITS.lagP99Ms} ms at p99, where latency is told | its clocks add that to every latency; a thousand answers to polls at once are a turn of some 20 ms, and twice that is not work any more |
| the hypervisor took more than ${percent(LIMITS.stolenCores)} of a processor | stolen time comes in pieces of milliseconds, which is what a p99 is made of |
| others used more than ${percent(LIMITS.othersCores)} of a processor | an idle system uses a few percent; a program that computes uses all of one |

The thresholds are chosen. \`--allow-busy\` lets figures pass, marked, for whoever shares a machine and wants to look; nothing is written then.
`;
}

function words(): string {
  return `## What the words mean

- *flooded*: bursts of 64 messages, the next when all clients have the last one; messages share a tick and a system call.
- *joined*: clients have what comes at once in one frame, as the SDK asks for it; the bare loop that joins sends an array of the same payloads.
- *paced*: one message at a time, so every delivery is a system call of its own.
- *logged* messages are published with \`FCALL fanfare_publish\` (stored, ordered, with an offset), *live* ones with \`PUBLISH\`.
- *memory*: the slope of what the server keeps between 2,000 and 10,000 connections, each a user with a ticket of its own: its resident memory without garbage and without the parts
  of its heap that lie empty.
- *a bare upgrade + one exchange of JSON*: a WebSocket on which one JSON text is read and one is answered, with no token, ticket or subscription.
- *reads of logs*: calls of functions in Redis while clients come back to a node that has just started; what a node calls of its own accord is among them.
- *one by one* are publishes by a call each, 64 written at a time, *in batches* 64 by one call (\`fanfare_publish_many\`); nobody is subscribed.
- *floor*: where a figure fails. It lies half of the way from what the first version came to, to what is asked for.
- *due to delivery*: from the time when a message was due to its last byte at the client.
`;
}
