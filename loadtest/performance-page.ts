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
Where the time of the servers goes says \`npm run bench -- --profile\`: the twenty functions of each scenario that take most of it, and where Redis
is what is measured, its commands, as text in \`loadtest/results/profiles\`.

${SEEN_BESIDE}On a machine that is busy with something else a server wakes up late and finds more to do, and every delivery becomes cheaper, that of a poll most
of all: at a load of 20 a long poll came to 0.74 × bare. That is why a busy machine is refused and not merely noted.
`;
}

/** What was found out by other means, and by hand. */
const SEEN_BESIDE = `### Beside another load client

A load client of another make, a single C program around one epoll loop, was held against these servers on 2026-11-29, fifteen rounds, the server on one processor and everything else on the other, each ratio
(median, and 95 % interval) to a bare loop under live messages in the same round, one process for all of it:

| | uws | ws |
|---|---|---|
| flooded, logged | 0.92 (0.77 to 1.08) × bare | 1.28 (1.20 to 1.36) × bare |
| flooded, live | 0.98 (0.81 to 1.11) × bare | 1.37 (1.31 to 1.39) × bare |
| paced at 50/s | 0.95 (0.93 to 1.02) × bare | 0.72 (0.66 to 0.81) × bare |
| one channel for each client, logged | 0.80 (0.77 to 0.82) × bare | 0.67 (0.64 to 0.72) × bare |
| one channel for each client, live | 0.93 (0.87 to 0.96) × bare | 0.75 (0.71 to 0.80) × bare |
| long polls, 10/s | 0.58 (0.51 to 0.61) × bare, 0.61 × nchan | 0.31 (0.27 to 0.36) × bare, 0.33 × nchan |
| SSE paced at 50/s | 1.28 (1.18 to 1.37) × nchan | 1.15 (1.06 to 1.23) × nchan |

Floods on \`ws\` come to less there than here: it keeps 64 single messages on their way instead of publishing bursts of 64, and what a server finds each time that it wakes up decides
what a delivery costs (see the floods in bursts of 1 and of 64 above). What is logged and published by a function of Redis comes in smaller pieces there, and its bare loop is sent live messages.

The lab (\`npm run loadtest\`) was held against it on 2026-11-28, µs of the server per delivery, three rounds of the lab and four of the other, one after the other: paced 5.7 (there 5.2) and bare 4.3 (4.6), long polls 30 (29),
bare 12 (13) and nchan 13 (14), SSE 5.9 (6.4). One channel for each client does not agree, 17 and 13: the lab has a fresh server for each measurement, of 4 s, and the other one has the same for all rounds. With \`seconds: 20\` in its YAML the
lab came to 12. SSE of nchan was 6.9 here and 8.1 there, of rounds that were 13 % apart, and the bare loop of own channels 7.7 to 11.6 from one quarter of an hour to the next.

### A hundred thousand links

\`npm run loadtest -- --scale 100000\`, on 2026-11-28 on a machine with two processors, which servers, Redis and clients share: 100,000 idle, subscribed WebSockets on 6 nodes of one cluster, assigned by discovery, with a heartbeat each 60 s
(so that a hundred thousand clients leave the processors to the servers). Open within 68 s, a token and a ticket for each included; 16,666 or 16,667 on each node; 904 MiB for all nodes together, 2.8 to 3.2 KiB that came with each link.
Each of five broadcasts reached all of them, the slowest within 2.1 s (p50 0.8 s).

### Where it falls short, and why

What was asked of these servers and did not come, with the profile that says where the time goes (\`perf\`, all threads of the server):

Floors lie half of the way from what the first version came to, as it was measured then: by a flood that was not in step, and beside an exchange that took 63 µs for today's 22. In turn with that first version under this bench (\`--against\`, eight pairs, a quiet hour of 2026-11-29) connects
come to 1.36 times its rate (0.94 to 1.94), where 1.27 were asked for; floods on \`ws\` to 1.04, where no less than 1 was; paced to 0.98 (0.90 to 1.25). Two floors cannot be had in step: a bare loop that joins, with one write for each link and burst and
nothing else, comes to 1.8 × bare, where 2 are the floor on \`ws\`; and 0.625 of the exchange's rate are 35 µs for a connect, of which the kernel takes 31.

- *Flooded, a frame for each message: 0.95 × bare asked, between 0.88 and 0.94 came in four runs of the whole (0.92 on the other load client, 0.98 where messages are live), and on \`ws\` 2.3 asked, 1.6 came (1.28 of 1.1 there).* The 2.3 are of a flood that was not in step, where a server that is late finds
  more at once. In step both write a burst as one write for each link, and the kernel has seven tenths of the time; a logged message has 43 bytes of offset for each link that the bare loop does not send, 2.7 MB a burst.
- *The same for clients that have a tick in one frame: 0.87 × a bare loop that joins came, of 0.9 (1.63 × bare, of 1.5).* A burst of 64 messages is one write for each link. It had 13.9 KB while type, channel and offset stood in
  each event, and has 9.8 KB since a frame says them once ([decision 36](decisions/0036-a-frame-says-once-what-its-messages-share.md)), of which 8.2 KB are the payloads that the bare loop sends: 4 % more deliveries, where more had been hoped for. What
  is left of the difference is 0.6 µs of the kernel's for each link and burst, over all of its functions alike, as of memory that has to be fetched anew, and 0.3 ms of our own for the 64 messages (\`perf\`: 5.8 ms a burst, bare 4.9). Before
  [decision 35](decisions/0035-batches-end-with-their-callback.md) there were two writes for each link and burst on \`uws\`, and joined frames cost as much as single ones.
- *Paced: 0.95 × bare asked, 0.91 to 1.10 came in four runs (0.95 on the other load client); on \`ws\`, 0.80 to 0.94 of 0.85 asked (0.72 there, and 0.89 on another machine).* Each delivery is a system call of its own, of a frame of 240 bytes for the bare loop's 128; what \`ws\` takes besides
  is the way through \`fs\` ([decision 37](decisions/0037-frames-for-the-kernel.md)): three quarters of its time are the kernel's (\`perf\`).
- *Flooded beside nchan: 20 × asked, 19 × came (\`ws\`; 16 × \`uws\`, joined).* The same bytes: the bare loop itself, which sends the payload alone, comes to 13 ×.
- *One channel for each client: 0.9 × bare asked here, 0.88 came (0.79 to 0.90 in four runs); 0.75 on the other load client, 0.80 came; beside nats-server 1.0 × asked, 0.8 × came, which has not been measured since.* Until 2026-11-28 each frame left as soon as its message
  was read. \`perf\` said that two thirds of a delivery were the kernel's, a third of it the waking of a peer that had read the frame before and fallen asleep while the next message was read: the bare loop, which sends all that it has read at the end,
  spent half as much there. Frames wait for the end of their turn since: 94,000 deliveries per CPU-second for 79,000, two builds in turn. What is left is the reading of a logged message, of which the bare loop forwards a live one: 63 bytes of offsets and a check of what lies
  before it. A process that has just begun spends two fifths of its first seconds in V8's optimising compiler, where nats-server is compiled before. What was tried besides: a reader of our own for what Redis pushes, no ring where one link follows.
- *Long polls: 0.75 × bare asked, 0.59 came here and 0.58 on the other load client; on \`ws\` 0.4 asked, 0.30 came here and 0.31 there (0.26 before); nchan is ahead (0.95).* There is no hot spot on \`uws\`. The kernel takes as much of a poll as of a bare one, some 8.5 µs; of what is left (bare: 5.7)
  no function takes more than half a microsecond. A bare poll is one regular expression; a poll here is a request that is read whole, counted against limits
  by its bytes, with a ticket that may have been revoked and an answer that bears positions. Tried: answering at once instead of a turn later was a tenth dearer; V8's young generation growing at once to its bound, or beginning with 16 MB, made no difference that stands out, nor
  did a collector on one thread. On \`ws\` a third of the server was the collector, which copied each waiting request with its headers, its buffer and closures over both, and walked tables of all connections; a seventh is left. A bare poll on \`node:http\` itself, one regular expression and no ticket, comes to 0.42 of one on
  uWebSockets.js: that is what is left to the asked 0.4.
- *Connects: 0.7 × a bare upgrade with one exchange of JSON asked, 0.42 to 0.45 came, 9,600 to 12,300 a CPU-second, and 0.31 before answers of a turn left together.* That exchange parses one frame and answers another, and takes 22 µs with its TCP connection, three quarters of it the kernel's. A connect took 85 then:
  31 are the kernel's, half of these to send, since a client that waits for a server which is busy falls asleep and has to be woken; 11 verify the ticket, of which 4 are its HMAC; 9 are the collector's, on threads of its own in part;
  and the rest looks for revocations, gives back a reservation, counts against limits by user, enters a channel and answers twice.
- *Logged publishes to many channels in batches of 64: 2 × single ones asked, 1.67 came, and 1.85 two days before (to one channel 3 asked, 2.42 came).* Both became cheaper: of 10 µs of Redis that a single one takes, a message of a batch takes 5.4, since a log that gets one message of a batch
  is shortened only when an eighth is too much ([decision 25](decisions/0025-several-messages-by-one-call.md)): an entry that goes by itself costs 1.3 µs, among sixteen 0.3. Were singles to do the same they would be a seventh cheaper, and the ratio lower. Of one channel 3.1 µs are left: 1.2 are to add to the log,
  0.3 to go out to nobody, and most of the rest is Lua that makes a text of each argument and answer.
- *\`FCALL\` due to delivery: 1.5 ms at p99 asked, 2.6 came*: publisher, Redis, server and clients share two processors of a machine that others share too.
- *Idle links: 1.3 × bare asked, 1.28 to 1.42 came.* What a node does each so often it does together since 2026-11-28: it is woken 14 times a second for 25, and takes 5 ms of a processor for 7, a quarter of what the heartbeats of ten thousand links take. A look at each link, whether its peer has answered and its
  ticket has ended, comes with every heartbeat.

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
- *memory*: the slope of what the server keeps between 2,000 and 16,000 connections, each a user with a ticket of its own: its resident memory without garbage and without the parts
  of its heap that lie empty.
- *a bare upgrade + one exchange of JSON*: a WebSocket on which one JSON text is read and one is answered, with no token, ticket or subscription.
- *reads of logs*: calls of \`fanfare_read\` in Redis while clients come back to a node that has just started. What a node calls of its own accord (its report, what is revoked) reads no log;
  among the *calls of functions beside publishes* of those that come back with 5 channels each it is counted.
- *one by one* are publishes by a call each, 64 written at a time, *in batches* 64 by one call (\`fanfare_publish_many\`); nobody is subscribed.
- *floor*: where a figure fails. It lies half of the way from what the first version came to, to what is asked for.
- *due to delivery*: from the time when a message was due to its last byte at the client.
`;
}
