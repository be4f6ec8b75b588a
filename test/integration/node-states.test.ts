// One state of a node after the other: what the registry, readiness, the log and newcomers are told of it.

import { afterEach, describe, expect, it } from 'vitest';
import { IdTakenError } from '../../src/cluster/id-taken-error.js';
import { createMemoryRegistry } from '../../src/cluster/memory-registry.js';
import type { NodeRecord, Registry } from '../../src/cluster/registry.js';
import { steadyUnixMs } from '../../src/lib/clocks.js';
import { createFaultyBroker } from '../support/faulty-broker.js';
import { SocketClient } from '../support/feed.js';
import { startNode, type TestNode, type TestNodeSetup } from '../support/push-node.js';
import { RecordingLogger } from '../support/recording-logger.js';
import { node as reportOf } from '../unit/cluster/test-cluster.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A registry whose time a test can move on, and which says how often it was reported to. */
function world() {
  const state: { aheadMs: number; reports: number; refusal?: Error } = { aheadMs: 0, reports: 0 };
  const inner = createMemoryRegistry({ clock: () => steadyUnixMs() + state.aheadMs });
  const registry: Registry = {
    report: async (report) => {
      state.reports++;
      if (state.refusal !== undefined) throw state.refusal;
      return inner.report(report);
    },
    assign: (exclude, allowed) => inner.assign(exclude, allowed),
    list: (signer) => inner.list(signer),
    requestDrain: (id) => inner.requestDrain(id),
    remove: (id, incarnation) => inner.remove(id, incarnation),
  };
  const recordOf = async (id: string): Promise<NodeRecord | undefined> =>
    (await inner.list()).find((record) => record.id === id);
  const stateOf = async (id = 'n1') => (await recordOf(id))?.state;
  return { state, registry, recordOf, stateOf };
}

async function started(registry: Registry, setup: Partial<TestNodeSetup> = {}): Promise<TestNode> {
  const node = await startNode({ engine: 'ws', ...setup, parts: { registry, ...setup.parts } });
  closing.push(() => node.close());
  return node;
}

async function linked({ url, ticket }: TestNode): Promise<SocketClient> {
  const link = new SocketClient(url);
  closing.push(() => link.close());
  link.connect(ticket());
  await link.events.nextOf('connected', 'closed');
  return link;
}

const checkOf = ({ node }: TestNode) => node.checks().find(({ name }) => name === 'node');

it('a deaf node is reported as deaf, is not ready, and is both again when it hears', async () => {
  const { registry, stateOf } = world();
  const broker = createFaultyBroker();
  const node = await started(registry, { broker });
  await expect.poll(() => stateOf()).toBe('ready');
  broker.away = true;
  await expect.poll(() => stateOf()).toBe('deaf');
  // One reason, and one check that fails for it.
  expect(checkOf(node)).toMatchObject({ ok: true, detail: 'deaf' });
  expect(node.node.checks().filter(({ ok }) => !ok)).toMatchObject([{ name: 'broker' }]);
  expect(await registry.assign([])).toBeUndefined();
  broker.away = false;
  await expect.poll(() => stateOf()).toBe('ready');
});

it('a node of which the registry has never taken a report is not ready, and says why', async () => {
  const { state, registry } = world();
  state.refusal = new TypeError('a record is not good');
  const logger = new RecordingLogger();
  const node = await started(registry, { logger });
  const failing = () => node.node.checks().filter(({ ok }) => !ok);
  const registryCheck = () => node.node.checks().find(({ name }) => name === 'registered');
  expect(failing()).toMatchObject([{ name: 'registered', detail: expect.stringContaining('a record is not good') }]);
  expect(logger.lines.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^node serves, and is not ready: registered \(.*a record is not good\)/),
  );
  delete state.refusal;
  await expect.poll(failing).toEqual([]);
  expect(registryCheck()).toMatchObject({ ok: true, detail: '' });
  // Who is known serves on, and says what hinders.
  state.refusal = new TypeError('a record is not good');
  await expect.poll(() => registryCheck()?.detail).toContain('a record is not good');
  expect(failing()).toEqual([]);
});

describe('a full node', () => {
  it('says so in its report, in the detail of its readiness and once in the log, and when it is over', async () => {
    const { registry, stateOf } = world();
    const logger = new RecordingLogger();
    const node = await started(registry, { logger, options: { maxConnections: 1 } });
    const link = await linked(node);
    await expect.poll(() => stateOf()).toBe('full');
    expect(checkOf(node)).toMatchObject({ ok: true, detail: expect.stringMatching(/^full: 1 of 1 links/) });
    link.close();
    await expect.poll(() => stateOf()).toBe('ready');
    const told = logger.lines.filter(({ fields }) => 'state' in fields);
    expect(told.map(({ level, fields }) => [level, Object.entries(fields)[1]?.[1]])).toEqual([
      ['warn', 'full'],
      ['info', 'ready'],
    ]);
  });

  it('of memory says so at its start', async () => {
    const { registry, stateOf } = world();
    const logger = new RecordingLogger();
    await started(registry, { logger, options: { maxMemoryBytes: 1024 * 1024 } });
    expect(await stateOf()).toBe('full');
    expect(logger.texts('warn')).toEqual(
      expect.arrayContaining([expect.stringContaining('maxMemoryBytes'), expect.stringContaining('full')]),
    );
  });
});

describe('a node that closes', () => {
  it.each(['uws', 'ws'] as const)('admits nobody on the %s engine, however long the registry hangs', async (engine) => {
    const { registry } = world();
    let goOn = () => {};
    const hangs = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const node = await started({ ...registry, remove: () => hangs }, { engine });
    const open = await linked(node);
    const closed = node.node.close();
    const late = await linked(node);
    expect(late.socket.readyState).toBe(late.socket.CLOSED);
    expect(node.node.stats().sockets).toBe(1);
    goOn();
    expect(await open.events.nextOf('closed')).toMatchObject({ code: 4000 });
    await closed;
  });
});

describe('a node whose id another one takes', () => {
  it('is not ready, and moves its clients in time', async () => {
    const { registry } = world();
    const node = await started(registry);
    const link = await linked(node);
    const twin = reportOf('n1', { url: node.url, incarnation: 'twin' });
    expect((await registry.report(twin)).verdict).toBe('accepted');
    expect(await link.events.nextOf('move', 'closed')).toMatchObject({ type: 'move', withinMs: 5_000 });
    expect(checkOf(node)?.ok).toBe(false);
    expect(link.socket.readyState).toBe(link.socket.OPEN);
    link.close();
    await expect.poll(() => checkOf(node)?.detail).toBe('closed');
  });
});

describe('a node whose id another one has', () => {
  it('does not begin', async () => {
    const { registry, recordOf } = world();
    const first = await started(registry);
    await expect(started(registry)).rejects.toThrow(IdTakenError);
    expect((await recordOf('n1'))?.url).toBe(first.url);
  });

  it('begins once the other, silent, counts as gone', async () => {
    const { state, registry, recordOf } = world();
    await registry.report(reportOf('n1', { url: 'http://127.0.0.1:1', incarnation: 'the-silent-one' }));
    const begun = started(registry);
    await expect.poll(() => state.reports).toBeGreaterThan(1);
    state.aheadMs = 11_000;
    const { url } = await begun;
    expect((await recordOf('n1'))?.url).toBe(url);
  });
});

it('clients that were sent to a node and did not come are counted, and told once', async () => {
  const { state, registry, recordOf } = world();
  const logger = new RecordingLogger();
  const node = await started(registry, { logger });
  for (let index = 0; index < 4; index++) await registry.assign([]);
  // One that is silent for 5 s could not say who came: it goes on reporting meanwhile.
  for (const aheadMs of [3_500, 7_000, 10_000]) {
    const { reports } = state;
    state.aheadMs = aheadMs;
    await expect.poll(() => state.reports).toBeGreaterThan(reports + 1);
  }
  await expect.poll(async () => (await recordOf('n1'))?.reservations).toBe(0);
  await expect.poll(() => node.node.stats().lapsedReservations).toBe(4);
  expect(logger.texts('warn').filter((text) => text.includes('do not come'))).toHaveLength(1);
});
