// A log-out among many: one user's hundred links end, ten thousand others notice nothing, and none of their connects asked Redis: `npm run revocation:crowd`.

import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createTicketAuthority } from '../src/auth/ticket.js';
import { ADMIN_KEY, CLUSTER_SECRET, type Cluster, EVERYTHING, startCluster } from '../test/support/cluster.js';
import { FEEDS, type Feed } from '../test/support/feed.js';

const CROWD = Number(process.env.FANFARE_CROWD ?? 10_000);
const WORKERS = 4;
const LINKS = 100;
/** Users whose log-outs stand in the list beside. */
const REVOKED = 2_000;
const AT_ONCE = 100;
const TRANSPORTS = Object.keys(FEEDS);
const headers = { Authorization: `Bearer ${ADMIN_KEY}`, 'Content-Type': 'application/json' };
const tickets = createTicketAuthority({ secrets: [CLUSTER_SECRET], audience: 'fanfare:fanfare' });

interface Counts {
  readonly open: number;
  readonly closed: number;
  readonly messages: number;
}

/** In a process of its own: links of so many users, an address for each 250 of them; tells what they have seen when it is asked. */
async function crowd(first: number, count: number, urls: readonly string[]): Promise<void> {
  const counts = { open: 0, closed: 0, messages: 0 };
  const open = async (n: number) => {
    const localAddress = `127.0.${1 + (Math.floor(n / 250) % 200)}.1`;
    const socket = new WebSocket(`${urls[n % urls.length]?.replace('http', 'ws')}/v1/ws`, { localAddress });
    socket.on('close', () => counts.closed++);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    const token = ticketOf(`crowd-${n}`);
    socket.send(JSON.stringify({ type: 'connect', id: 1, version: 1, token }));
    socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: { news: 'now' } }));
    await new Promise((resolve) => {
      socket.on('message', (text) => {
        const { type } = JSON.parse(String(text)) as { type: string };
        if (type === 'subscribed') resolve(undefined);
        else if (type === 'message') counts.messages++;
      });
    });
    counts.open++;
  };
  for (let n = 0; n < count; n += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, m) => open(first + n + m)));
  }
  process.on('message', () => process.send?.(counts));
  process.send?.('ready');
}

/** Made some seconds ago, in a session of its own. */
function ticketOf(user: string): string {
  const times = { issuedAtMs: Date.now() - 5_000, expiresAtMs: Date.now() + 3_600_000 };
  const rest = { tokenId: undefined, connection: undefined, reservation: undefined };
  const identity = { kind: 'token', user, grants: EVERYTHING, ...times, ...rest } as const;
  return tickets.sign(identity, { connection: `c-${randomBytes(12).toString('base64url')}` }).text;
}

async function startCrowd({ nodes }: Cluster): Promise<readonly ChildProcess[]> {
  const urls = [...nodes.values()].map(({ url }) => url);
  const each = Math.ceil(CROWD / WORKERS);
  const workers = Array.from({ length: WORKERS }, (_, n) =>
    fork(fileURLToPath(import.meta.url), ['crowd', String(n * each), String(each), urls.join(',')]),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return workers;
}

async function countsOf(workers: readonly ChildProcess[]): Promise<Counts> {
  const all = await Promise.all(
    workers.map(async (worker) => {
      worker.send('now');
      return (await once(worker, 'message'))[0] as Counts;
    }),
  );
  const sum = (of: (counts: Counts) => number) => all.reduce((total, counts) => total + of(counts), 0);
  return { open: sum(({ open }) => open), closed: sum(({ closed }) => closed), messages: sum((one) => one.messages) };
}

async function lookups({ nodes }: Cluster): Promise<number> {
  let total = 0;
  for (const { url } of nodes.values()) {
    const text = await (await fetch(`${url}/metrics`, { headers })).text();
    total += Number(/^fanfare_revocation_lookups_total\S* (\d+)/m.exec(text)?.[1]);
  }
  return total;
}

async function revoke({ discovery }: Cluster, body: object) {
  const answer = await fetch(`${discovery.url}/v1/revocations`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.text() };
}

async function openLinks({ nodes }: Cluster): Promise<readonly Feed[]> {
  const urls = [...nodes.values()].map(({ url }) => url);
  const open = async (n: number) => {
    const url = urls[Math.floor(n / TRANSPORTS.length) % urls.length] ?? '';
    const feed = FEEDS[TRANSPORTS[n % TRANSPORTS.length] ?? '']?.({ url, ticket: ticketOf('leaver') }, { news: 'now' });
    if (feed === undefined) throw new Error('no such transport');
    await feed.events.nextOf('subscribed');
    return feed;
  };
  return Promise.all(Array.from({ length: LINKS }, (_, n) => open(n)));
}

async function publish({ nodes, env }: Cluster): Promise<void> {
  const [node] = nodes.values();
  const key = { Authorization: `Bearer ${env.FANFARE_PUBLISH_KEY}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ channel: 'news', data: 'after' });
  await fetch(`${node?.url}/v1/publish`, { method: 'POST', headers: key, body });
}

/** Answers what did not hold. */
async function hold(cluster: Cluster): Promise<readonly string[]> {
  const failures: string[] = [];
  const expect = (isSo: boolean, what: string) => {
    if (!isSo) failures.push(what);
  };
  for (let n = 0; n < REVOKED; n += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, m) => revoke(cluster, { sub: `gone-${n + m}` })));
  }
  const workers = await startCrowd(cluster);
  const before = await countsOf(workers);
  const asked = await lookups(cluster);
  console.log(`${before.open} others are connected; Redis was asked of ${asked} of them`);
  expect(before.open >= CROWD && before.closed === 0, `only ${before.open} came, and ${before.closed} were closed`);
  expect(asked <= before.open / 1_000, `Redis was asked ${asked} times`);
  const own = await openLinks(cluster);
  const beganMs = performance.now();
  const { status, body } = await revoke(cluster, { sub: 'leaver' });
  console.log(
    `a log-out with ${LINKS} links was answered ${status} after ${(performance.now() - beganMs).toFixed(0)} ms`,
  );
  expect(status === 201, `the log-out was answered ${status} ${body}`);
  await publish(cluster);
  let ended = 0;
  for (const { events } of own)
    if ((await events.nextOf('closed', 'close', 'refused', 'message')).type !== 'message') ended++;
  expect(ended === LINKS, `${ended} of ${LINKS} links had ended`);
  const untilMs = performance.now() + 10_000;
  let after = await countsOf(workers);
  while (after.messages < before.open && performance.now() < untilMs) after = await countsOf(workers);
  console.log(`${ended} links ended; ${after.messages} others have the next message, ${after.closed} were closed`);
  expect(after.messages === before.open && after.closed === 0, 'others noticed');
  for (const worker of workers) worker.kill();
  for (const feed of own) feed.close();
  return failures;
}

async function main(): Promise<number> {
  const engines = ['uws', 'ws', 'uws', 'ws'] as const;
  const env = { FANFARE_LINKS_PER_USER: '0', FANFARE_CONNECTS_PER_USER: '10000' };
  const cluster = await startCluster({ engines, env });
  try {
    const failures = await hold(cluster);
    for (const failure of failures) console.log(`FAILED: ${failure}`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    await cluster.close();
  }
}

const [, , role, first, count, urls = ''] = process.argv;
if (role === 'crowd') await crowd(Number(first), Number(count), urls.split(','));
else process.exit(await main());
