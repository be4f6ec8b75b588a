// Discovery without its registry: it goes on with the nodes last known.

import { describe, expect, it } from 'vitest';
import { FanfareError } from '../../../src/lib/errors.js';
import { limitOf } from '../../../src/limits/limit-of.js';
import { node } from '../cluster/test-cluster.js';
import { connected, fixture, refusal } from './fixture.js';

describe('while the registry is away', () => {
  const nodes = [
    node('n1', { connections: 9_900, capacity: 10_000 }),
    node('n2', { connections: 0, capacity: 300 }),
    node('n3', { state: 'full' }),
  ];
  const unlimited = { connects: limitOf('connects', undefined) };

  it('places clients among the nodes last known, at random by room, and reserves nothing', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    const counts: Record<string, number> = {};
    for (let index = 0; index < 100; index++) {
      f.state.dice = index / 100;
      const body = await connected(await f.connect());
      counts[body.node.id] = (counts[body.node.id] ?? 0) + 1;
      expect(f.tickets.verify(body.ticket).reservation).toBeUndefined();
      expect(body.alternatives.map(({ id }) => id)).toEqual([body.node.id === 'n1' ? 'n2' : 'n1']);
    }
    expect(counts).toEqual({ n1: 25, n2: 75 });
    expect(f.discovery.stats()).toMatchObject({ connects: 100, unreserved: 100, nodes: 3 });
    expect(f.log.filter(({ level }) => level === 'warn').length).toBe(1);
  });

  it('avoids excluded nodes there too, unless there are no others', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    expect((await connected(await f.connect({ exclude: ['n2'] }))).node.id).toBe('n1');
    expect((await f.connect({ exclude: ['n1', 'n2'] })).status).toBe(200);
  });

  it('does so for 5 min, then it is 503', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    f.state.nowMs += 300_000;
    expect((await f.connect()).status).toBe(200);
    expect(f.discovery.checks()).toMatchObject([{ name: 'registry', ok: true }]);
    f.state.nowMs += 1;
    const response = await f.connect();
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await refusal(response)).toBe('503 broker_unavailable');
    expect(f.discovery.checks()).toMatchObject([{ name: 'registry', ok: false }]);
  });

  it('does so for as long as a registry answers that cannot be written to, and says why', async () => {
    const f = await fixture({ ...unlimited, refreshMs: 5 }, nodes);
    const text = 'Redis cannot persist and refuses writes (MISCONF)';
    f.state.refusal = new FanfareError('broker_unavailable', text);
    f.state.nowMs += 10;
    const looked = async () => {
      const warned = f.log.filter(({ message }) => message.includes('the registry of nodes is away'));
      await expect.poll(() => f.discovery.checks()[0]?.detail).toContain(text);
      return warned.length;
    };
    await looked();
    for (let minutes = 0; minutes < 12; minutes += 4) {
      f.state.nowMs += 240_000;
      await expect.poll(() => f.discovery.checks()[0]?.detail).toBe(`${text}; using the nodes known 0 s ago`);
      expect((await f.connect()).status).toBe(200);
    }
    expect(await looked()).toBe(1);
    f.state.refusal = undefined;
    await expect.poll(() => f.discovery.checks()[0]?.detail).toBe('');
  });

  it('asks a failing registry once a second, and goes back to it', async () => {
    const f = await fixture(unlimited, nodes);
    f.state.away = true;
    await f.connect();
    f.state.away = false;
    expect((await f.registry.list()).every(({ reservations }) => reservations === 0)).toBe(true);
    await f.connect();
    expect((await f.registry.list()).every(({ reservations }) => reservations === 0)).toBe(true);
    f.state.nowMs += 1_000;
    await f.connect();
    expect((await f.registry.list()).some(({ reservations }) => reservations === 1)).toBe(true);
  });

  it('trusts a registry that came back empty only after a while', async () => {
    const f = await fixture({ ...unlimited, refreshMs: 5 }, nodes);
    f.state.away = true;
    await f.connect();
    f.state.away = false;
    for (const { id } of await f.registry.list()) await f.registry.remove(id, `${id}-1`);
    f.state.nowMs += 9_000;
    expect((await f.connect()).status).toBe(200);
    f.state.nowMs += 1_001;
    expect(await refusal(await f.connect())).toBe('503 no_capacity');
    await expect.poll(() => f.discovery.stats().nodes).toBe(0);
  });

  it('keeps the known nodes fresh by itself', async () => {
    const f = await fixture({ refreshMs: 5 });
    await f.report('n1');
    await expect.poll(() => f.discovery.stats().nodes).toBe(1);
  });

  it('knows a node from the first client that it was given, before the next refresh', async () => {
    const f = await fixture({ ...unlimited, refreshMs: 60_000 });
    await f.report('n1');
    expect((await f.connect()).status).toBe(200);
    await expect.poll(() => f.discovery.stats().nodes).toBe(1);
    f.state.away = true;
    expect((await f.connect()).status).toBe(200);
  });

  it('gives tickets as ever', async () => {
    const f = await fixture();
    f.state.away = true;
    const response = await f.ask('/v1/ticket', { headers: { Authorization: `Bearer ${await f.token()}` } });
    expect(response.status).toBe(200);
  });
});
