// Nodes that do not know the cluster secret get nobody, cost nobody, and are named.

import { describe, expect, it } from 'vitest';
import { limitOf } from '../../../src/limits/limit-of.js';
import { node } from '../cluster/test-cluster.js';
import { connected, type Fixture, fixture, member, refusal, SECRET } from './fixture.js';

const OTHER = 'another secret of more than thirty-two bytes';
const UNLIMITED = { connects: limitOf('connects', undefined) };
const stranger = (id: string, timeMs: number) => member(node(id), timeMs, [OTHER]);
const warnings = (f: Awaited<ReturnType<typeof fixture>>) => f.log.filter(({ level }) => level === 'warn');

/** One of many users: of one, not all places are kept. */
const connectAs = async (f: Fixture, user: string) =>
  f.connect(undefined, { Authorization: `Bearer ${await f.token(user)}` });

describe('a node with another cluster secret', () => {
  it('gets none of 40 newcomers, though it is the least loaded, and is no alternative', async () => {
    const f = await fixture(UNLIMITED);
    await f.registry.report(stranger('bad', f.state.nowMs));
    await f.report('good', { connections: 5_000 });
    await f.report('also', { connections: 6_000 });
    for (let index = 0; index < 40; index++) {
      const body = await connected(await connectAs(f, `u${index}`));
      expect([body.node.id, ...body.alternatives.map(({ id }) => id)]).toEqual(['good', 'also']);
    }
  });

  it('is named once in the log, in readiness and in the list, and costs discovery nothing', async () => {
    const adminKey = 'an-admin-key-that-is-long-enough';
    const f = await fixture({ ...UNLIMITED, adminKeys: [adminKey], refreshMs: 5 });
    await f.registry.report(stranger('bad', f.state.nowMs));
    await f.report('good');
    await expect.poll(() => f.discovery.stats()).toMatchObject({ nodes: 2, usableNodes: 1 });
    expect(f.discovery.checks()).toMatchObject([{ ok: true, detail: 'foreign_secret: bad of 2' }]);
    const headers = { Authorization: `Bearer ${adminKey}` };
    const { nodes } = (await (await f.ask('/v1/nodes', { method: 'GET', headers })).json()) as { nodes: object[] };
    expect(nodes).toMatchObject([{ id: 'bad', problem: 'foreign_secret' }, { id: 'good' }]);
    expect(nodes[1]).not.toHaveProperty('problem');
    await f.discovery.refresh();
    expect(warnings(f)).toMatchObject([{ fields: { node: 'bad', url: 'http://bad.example:8080' } }]);
    expect(warnings(f)[0]?.message).toContain('foreign_secret');
  });

  it('gets nobody either while the registry is away', async () => {
    const f = await fixture(UNLIMITED);
    await f.registry.report(stranger('bad', f.state.nowMs));
    await f.report('good', { connections: 9_999 });
    await f.discovery.refresh();
    f.state.away = true;
    for (let index = 0; index < 10; index++) expect((await connected(await f.connect())).node.id).toBe('good');
  });

  it('is taken in, and that is said, once it knows the secret', async () => {
    const f = await fixture(UNLIMITED);
    await f.registry.report(stranger('n1', f.state.nowMs));
    await f.discovery.refresh();
    expect(await refusal(await f.connect())).toBe('503 no_capacity');
    await f.report('n1', { incarnation: 'n1-2' });
    expect((await connected(await f.connect())).node.id).toBe('n1');
    expect(f.log.at(-1)).toMatchObject({ level: 'info', fields: { node: 'n1' } });
  });

  it('has discovery not ready where there is no other', async () => {
    const f = await fixture();
    await f.registry.report(stranger('bad', f.state.nowMs));
    await f.discovery.refresh();
    const detail = 'no node is known that can be used; foreign_secret: bad of 1';
    expect(f.discovery.checks()).toMatchObject([{ ok: false, detail }]);
  });
});

describe('a record that no node of the cluster wrote', () => {
  it.each([
    ['without a proof', () => ({ proof: '' })],
    ['with a proof of another node', (nowMs: number) => ({ proof: member(node('n1'), nowMs).proof })],
    ['with an old proof of its own', (nowMs: number) => ({ proof: member(node('evil'), nowMs - 60_000).proof })],
    ['with nonsense', () => ({ proof: 'x.y.z' })],
  ])('%s leads nobody astray', async (_, changes) => {
    const f = await fixture(UNLIMITED);
    await f.report('n1', { connections: 9_000 });
    await f.registry.report(node('evil', { capacity: 1_000_000, ...changes(f.state.nowMs) }));
    for (let index = 0; index < 5; index++) {
      const body = await connected(await f.connect());
      expect([body.node.id, body.alternatives]).toEqual(['n1', []]);
    }
  });

  it('in the place of a member does not get its clients', async () => {
    const f = await fixture(UNLIMITED);
    await f.report('n1');
    await f.report('n2', { connections: 9_000 });
    await f.discovery.refresh();
    const good = member(node('n1'), f.state.nowMs);
    await f.registry.remove('n1', 'n1-1');
    await f.registry.report({ ...good, url: 'http://evil.example', incarnation: 'n1-2' });
    for (let index = 0; index < 5; index++) {
      expect((await connected(await f.connect({ exclude: [] }))).node).toMatchObject({ id: 'n2' });
    }
  });
});

describe('a rotation of the secret', () => {
  it.each([
    ['the nodes learn the new one', [SECRET, OTHER]],
    ['it signs at the nodes first', [OTHER, SECRET]],
  ])('has every node in use when %s', async (_, secrets) => {
    const f = await fixture(UNLIMITED);
    await f.report('n1');
    await f.registry.report(member(node('n2'), f.state.nowMs, secrets));
    const ids = [];
    for (let index = 0; index < 4; index++) ids.push((await connected(await f.connect())).node.id);
    expect(ids.sort()).toEqual(['n1', 'n1', 'n2', 'n2']);
  });

  it('is heard of by the nodes: discovery tells which secret it signs with', async () => {
    const f = await fixture();
    await f.discovery.refresh();
    expect((await f.report('n1')).signers).toEqual([expect.stringMatching(/^[\w-]{8}$/)]);
  });
});

describe('a node that begins', () => {
  it('gets clients as soon as it is ready, though discovery saw it before it was', async () => {
    const f = await fixture({ ...UNLIMITED, refreshMs: 60_000 });
    await f.report('n1', { connections: 5_000 });
    await f.registry.report(node('n2', { state: 'draining' }));
    await f.discovery.refresh();
    await f.report('n2');
    await f.connect();
    await expect.poll(async () => (await connected(await f.connect())).node.id).toBe('n2');
  });
});

it('a storm within one round trip is spread over nodes that came since discovery looked', async () => {
  const f = await fixture({ ...UNLIMITED, refreshMs: 60_000 });
  await f.report('n1');
  await f.discovery.refresh();
  await f.report('n2');
  await f.report('n3');
  const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => connectAs(f, `u${index}`)));
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const { node } = await connected(answer);
    counts[node.id] = (counts[node.id] ?? 0) + 1;
  }
  expect(counts).toEqual({ n1: 10, n2: 10, n3: 10 });
});
