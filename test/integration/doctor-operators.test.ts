// `fanfare doctor` where operators have a port of their own: it finds the list of nodes there, or says that it has none.

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../src/cli/doctor/doctor.js';
import { ADMIN_KEY, CLUSTER_SECRET, type Cluster, startCluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { runFanfare } from '../support/process.js';
import { startUpgradelessProxy } from '../support/upgradeless-proxy.js';

const UNKNOWN_URL = 'http://127.0.0.1:1';

let cluster: Cluster;
let ops: string;
beforeAll(async () => {
  cluster = await startCluster({
    engines: ['uws'],
    redis: { args: ['--appendonly', 'yes'] },
    env: { FANFARE_OPS_PORT: '0' },
  });
  ops = cluster.discovery.ops ?? '';
});
afterAll(() => cluster?.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function doctor(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const own = { ...cluster.env, FANFARE_URL: cluster.discovery.url, ...env };
  const { code, stdout } = await runFanfare(['doctor', '--json', ...flags], { env: own });
  const report = JSON.parse(stdout) as Report;
  const lines = report.findings.map((found) => `${found.code}: ${found.message} → ${found.mend}`);
  return { code, lines, asked: report.asked, whatNot: report.notAsked.map(({ what, why }) => `${what}: ${why}`) };
}

/** One that no client is sent to, once discovery lists it with this problem. */
async function startStranger(problem: string, env: Readonly<Record<string, string>>): Promise<void> {
  const node = await cluster.startNode('n2', 'ws', env);
  closing.push(() => node.stop());
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  await eventually(async () => {
    const list = await (await fetch(`${ops}/v1/nodes`, { headers })).text();
    return list.includes(`"problem":"${problem}"`) || list;
  }, 30_000);
}

it('says by a finding that it has no list of nodes, and why at each place where it asked', async () => {
  const { code, lines, asked } = await doctor();
  expect([code, lines]).toEqual([
    1,
    [
      expect.stringMatching(
        /^nodes_unlisted: .*:\d+ answers 404: there is nothing at this path: .*at a port of their own → --ops-url /,
      ),
    ],
  ]);
  expect(asked).toContain('node n1');
  expect(await doctor(['--ignore', 'nodes_unlisted'])).toMatchObject({ code: 0 });
});

it('has the list from where --ops-url says, and names a node that no client is sent to', async () => {
  expect(await doctor(['--ops-url', ops])).toMatchObject({ code: 0, lines: [] });
  await startStranger('foreign_secret', { FANFARE_CLUSTER_SECRET: [...CLUSTER_SECRET].reverse().join('') });
  const { code, lines } = await doctor(['--ops-url', ops]);
  expect([code, lines]).toEqual([1, [expect.stringMatching(/^node_foreign_secret: node n2 /)]]);
});

it('has it from the port of this environment, and from where a wildcard leads', async () => {
  const { port } = new URL(ops);
  expect(await doctor([], { FANFARE_OPS_PORT: port })).toMatchObject({ code: 0, lines: [] });
  const everywhere = { FANFARE_OPS_PORT: port, FANFARE_OPS_HOST: '0.0.0.0' };
  expect(await doctor([], everywhere)).toMatchObject({ code: 0, lines: [] });
});

it('names two nodes with one URL', async () => {
  await startStranger('unreached', { FANFARE_NODE_URL: cluster.nodes.get('n1')?.url ?? '' });
  const { lines } = await doctor(['--ops-url', ops]);
  expect(lines.map((line) => line.split(':')[0])).toEqual(['nodes_share_url', 'node_url_elsewhere']);
});

it('says of a port for operators that clients get nothing there', async () => {
  const { lines } = await doctor(['--url', ops]);
  expect(lines).toEqual([
    expect.stringMatching(/^discovery_elsewhere: a port for operators answers at http:\S+, .*that of .* by --ops-url$/),
  ]);
});

it.each([
  ['a URL that leads nowhere', () => UNKNOWN_URL, /127\.0\.0\.1:1 cannot be reached: nobody listens there/],
  [
    'a node',
    () => cluster.nodes.get('n1')?.url ?? '',
    /answers 404: discovery answers this path, and this is a push node/,
  ],
  ['a port of a node', () => cluster.nodes.get('n1')?.ops ?? '', /answers 404: there is nothing at this path/],
])('gives the reason of %s for --ops-url', async (_, url, reason) => {
  const { lines } = await doctor(['--ops-url', url()]);
  expect(lines).toEqual([expect.stringMatching(/^nodes_unlisted: /)]);
  expect(lines[0]).toMatch(reason);
});

it('says of what stands before discovery that it denies the path', async () => {
  const proxy = await startUpgradelessProxy(cluster.discovery.url, async (path) =>
    /^\/(readyz|v1\/nodes)/.test(path) ? 'denied' : undefined,
  );
  closing.push(() => proxy.close());
  const { lines } = await doctor([], { FANFARE_URL: proxy.url });
  expect(lines).toEqual([expect.stringMatching(/^nodes_unlisted: .*answers 404, and not as Fanfare does: /)]);
});

it('names an admin key that is another, and asks without one whom clients are sent to', async () => {
  const other = { FANFARE_ADMIN_KEY: `other-${ADMIN_KEY}` };
  expect((await doctor(['--ops-url', ops], other)).lines).toEqual([expect.stringMatching(/^admin_key_refused: /)]);
  const { code, whatNot } = await doctor([], { FANFARE_ADMIN_KEY: '' });
  expect([code, whatNot]).toEqual([0, expect.arrayContaining(['the list of nodes: no FANFARE_ADMIN_KEY here'])]);
});
