// What 200 conflated links get, to the message, and what they cost: `npm run bench:limits`, on an idle machine with two processors.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { pinned } from '../loadtest/affinity.js';
import { signToken } from '../src/auth/token-signer.js';

const SECRET = 'secret-of-the-bench-32-bytes-or-more-0123';
const KEY = 'publish-key-of-the-bench-0123456789';
const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const GRANTS = { subscribe: ['*'], publish: [], presence: [] };
const [LINKS, PER_SECOND, VALUES, WITHIN_MS] = [200, 2_000, 50, 550];
/** What a paced link may be sent at once is so much of its rate. */
const AT_ONCE_MS = 500;
const PHASE_S = Number(process.env.FANFARE_BENCH_SECONDS ?? 20);

/** Of this machine's one monotonic clock, which all processes read. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

async function startServer(): Promise<Server> {
  const namespaces = { tick: { conflateBy: 'id', historySize: 10_000 }, default: {} };
  const env = {
    ...{ PATH: process.env.PATH, FANFARE_PORT: '0', FANFARE_LOG_LEVEL: 'warn', FANFARE_AUTH_SECRET: SECRET },
    ...{ FANFARE_PUBLISH_KEY: KEY, FANFARE_LINKS_PER_USER: '0', FANFARE_HANDSHAKES_PER_IP: '0' },
    ...{ FANFARE_NAMESPACES: JSON.stringify(namespaces), FANFARE_ALLOW_STAR_GRANT: 'true' },
  };
  const [program = process.execPath, ...args] = [...pinned(), process.execPath, MAIN, 'start'];
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url, pid } = JSON.parse(line) as { url: string; pid: number };
  const gone = once(child, 'exit');
  const stop = () => {
    process.kill(pid, 'SIGINT');
    return gone;
  };
  return { url, pid, stop };
}

/** Answers when the server took each of them, in Unix milliseconds. */
async function publish(url: string, messages: readonly object[]): Promise<readonly number[]> {
  const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${url}/v1/publish`, { method: 'POST', headers, body: JSON.stringify({ messages }) });
  if (answer.status !== 200) throw new Error(`publish: ${answer.status} ${await answer.text()}`);
  const { results } = (await answer.json()) as { results: readonly { readonly offset: string }[] };
  return results.map(({ offset }) => Number(offset.slice(0, 13)));
}

/** One message after the other, so many a second; their numbers are their places in the log. */
class Ticker {
  /** When each was taken, by number. */
  readonly atMs: number[] = [];
  #isRunning = true;
  readonly done: Promise<void>;

  constructor(url: string, channel: string, perSecond: number, values: number) {
    this.done = this.#run(url, channel, perSecond, values);
  }

  async #run(url: string, channel: string, perSecond: number, values: number): Promise<void> {
    const beganMs = nowMs();
    while (this.#isRunning) {
      const due = Math.floor(((nowMs() - beganMs) / 1_000) * perSecond);
      const messages = [];
      for (let n = this.atMs.length; n < due && messages.length < 100; n++) {
        messages.push({ channel, data: { id: `v${n % values}`, n } });
      }
      if (messages.length > 0) this.atMs.push(...(await publish(url, messages)));
      await pause(5);
    }
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.done;
  }
}

interface Event {
  readonly type: string;
  readonly skipped?: number;
  readonly data?: { readonly id: string; readonly n: number };
}

/** A link that judges what it gets as it comes. */
class Judge {
  readonly wrong: string[] = [];
  received = 0;
  skipped = 0;
  /** The longest that a value's newest was not there. */
  latestMs = 0;
  last = -1;
  readonly #ticker: Ticker;
  readonly #values: number;
  readonly #newest = new Map<string, number>();
  readonly ready: Promise<unknown>;
  readonly #socket: WebSocket;

  constructor(url: string, token: string, channel: string, maxPerSecond: number, ticker: Ticker, values: number) {
    this.#ticker = ticker;
    this.#values = values;
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`);
    this.#socket.once('open', () => {
      const features = ['positions'];
      this.#socket.send(JSON.stringify({ type: 'connect', id: 1, version: 1, token, features }));
      this.#socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: { [channel]: { maxPerSecond } } }));
    });
    this.ready = new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.on('close', (code) => this.wrong.push(`closed with ${code}`));
      this.#socket.on('message', (text) => {
        const event = JSON.parse(String(text)) as Event;
        if (event.type === 'subscribed') resolve(undefined);
        else if (event.type === 'message') this.#take(event);
        else if (event.type === 'gap' || event.type === 'error') this.wrong.push(String(text));
      });
    });
  }

  #take({ data: { id, n } = { id: '', n: -1 }, skipped = 0 }: Event): void {
    const known = this.#newest.get(id);
    if (this.last >= 0 && skipped !== n - this.last - 1) this.wrong.push(`${n} says ${skipped}, after ${this.last}`);
    // The first that this one stands for: the longest wait of all.
    const since = known === undefined ? n : known + this.#values;
    const sinceMs = this.#ticker.atMs[since];
    // What has come before the answer to its publish has not been waited for.
    if (sinceMs !== undefined) this.latestMs = Math.max(this.latestMs, Date.now() - sinceMs);
    this.#newest.set(id, n);
    this.last = n;
    this.received++;
    this.skipped += skipped;
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.terminate();
  }
}

/** CPU seconds that a process has used. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const p99 = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;

/** In a process of its own: 20 plain links of another channel, 50 messages a second; tells the latencies of each phase. */
async function neighbours(url: string): Promise<void> {
  const token = await signToken({ secret: SECRET, subject: 'neighbour', grants: GRANTS, lifetimeMs: 3_600_000 });
  let latencies: number[] = [];
  for (let n = 0; n < 20; n++) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connect', id: 1, version: 1, token }));
    socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: { plain: 'now' } }));
    socket.on('message', (text) => {
      const { type, data } = JSON.parse(String(text)) as { type: string; data?: number };
      if (type === 'message') latencies.push(nowMs() - Number(data));
    });
  }
  setInterval(() => void publish(url, [{ channel: 'plain', data: nowMs() }]), 20);
  process.on('message', () => {
    process.send?.(latencies);
    latencies = [];
  });
  process.send?.('ready');
}

interface Phase {
  readonly cpu: number;
  readonly p99Ms: number;
}

/** What the server used in each second of a phase, and how its neighbours fared. */
async function phase(server: Server, neighbour: ChildProcess): Promise<Phase> {
  const told = async () => {
    neighbour.send('now');
    return (await once(neighbour, 'message'))[0] as number[];
  };
  await told();
  const [cpu, beganMs] = [cpuOf(server.pid), nowMs()];
  await pause(PHASE_S * 1_000);
  const seconds = (nowMs() - beganMs) / 1_000;
  return { cpu: (cpuOf(server.pid) - cpu) / seconds, p99Ms: p99(await told()) };
}

async function openJudges(server: Server, channel: string, pace: number, ticker: Ticker, values: number) {
  const token = await signToken({ secret: SECRET, subject: 'reader', grants: GRANTS, lifetimeMs: 3_600_000 });
  const judges: Judge[] = [];
  // One after the other: else the links' bursts come in the same moment, and what is measured is how long this process takes over them.
  for (let n = 0; n < LINKS; n++) {
    judges.push(new Judge(server.url, token, channel, pace, ticker, values));
    await pause(AT_ONCE_MS / LINKS);
  }
  await Promise.all(judges.map(({ ready }) => ready));
  return judges;
}

/** Answers what did not hold. */
async function verdict(title: string, ticker: Ticker, judges: readonly Judge[]): Promise<readonly string[]> {
  await ticker.stop();
  const last = ticker.atMs.length - 1;
  const endMs = nowMs() + WITHIN_MS;
  while (nowMs() < endMs && judges.some((judge) => judge.last !== last)) await pause(5);
  const latestMs = Math.max(...judges.map((judge) => judge.latestMs));
  const sum = (of: (judge: Judge) => number) => judges.reduce((total, judge) => total + of(judge), 0);
  const counts = `${sum(({ received }) => received)} received and ${sum(({ skipped }) => skipped)} skipped`;
  console.log(`${title}: ${counts}; the newest of each value within ${latestMs.toFixed(0)} ms`);
  for (const judge of judges) judge.close();
  return [
    ...judges.flatMap(({ wrong }) => wrong.slice(0, 3)),
    ...(latestMs > WITHIN_MS ? [`${title}: a newest came after ${latestMs.toFixed(0)} ms`] : []),
    ...(judges.some((judge) => judge.last !== last) ? [`${title}: the last message did not come to everybody`] : []),
  ];
}

async function main(): Promise<number> {
  const server = await startServer();
  const neighbour = fork(fileURLToPath(import.meta.url), ['neighbours', server.url]);
  await once(neighbour, 'message');
  const ticker = new Ticker(server.url, 'tick:1', PER_SECOND, VALUES);
  await pause(2_000);
  const before = await phase(server, neighbour);
  const judges = await openJudges(server, 'tick:1', 100, ticker, VALUES);
  await pause(2_000);
  const beside = await phase(server, neighbour);
  const failures = [...(await verdict(`${LINKS} links, 100/s of ${PER_SECOND}/s`, ticker, judges))];
  const perLink = ((beside.cpu - before.cpu) / LINKS) * 1_000;
  const sent = judges.reduce((total, { received }) => total + received, 0) / LINKS / (PHASE_S + 2);
  console.log(`server: ${before.cpu.toFixed(3)} s of CPU a second without them, ${beside.cpu.toFixed(3)} with them`);
  console.log(`one conflated link: ${perLink.toFixed(3)} ms of CPU a second, for ${sent.toFixed(0)} messages sent`);
  console.log(`neighbours' p99: ${before.p99Ms.toFixed(2)} ms without them, ${beside.p99Ms.toFixed(2)} ms with them`);
  const mostMs = Math.max(1.2 * before.p99Ms, before.p99Ms + 5);
  if (beside.p99Ms > mostMs) failures.push(`neighbours' p99 is over ${mostMs.toFixed(2)} ms`);
  const slow = new Ticker(server.url, 'tick:2', 200, 1);
  const slowJudges = await openJudges(server, 'tick:2', 2, slow, 1);
  await pause((PHASE_S / 2) * 1_000);
  failures.push(...(await verdict(`${LINKS} links, 2/s of 200/s`, slow, slowJudges)));
  neighbour.kill();
  await server.stop();
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  return failures.length === 0 ? 0 : 1;
}

if (process.argv[2] === 'neighbours') await neighbours(process.argv[3] ?? '');
else process.exit(await main());
