// Discovery is ready while it knows nodes that can be used, and a hanging registry costs one request at a time.

import { expect, it } from 'vitest';
import { limitOf } from '../../../src/limits/limit-of.js';
import { connected, fixture } from './fixture.js';

const UNLIMITED = { connects: limitOf('connects', undefined) };

it('is not ready before it knows a node, and is as soon as one reports', async () => {
  const f = await fixture({ refreshMs: 60_000 });
  expect(f.discovery.checks()).toMatchObject([{ ok: false, detail: 'no node is known that can be used' }]);
  await f.report('n1');
  await expect.poll(() => f.discovery.checks()).toMatchObject([{ ok: true, detail: '' }]);
});

it.each([
  ['ready', true],
  ['full', true],
  ['deaf', false],
  ['draining', false],
  ['foreign', false],
] as const)('with a node that is %s is ready: %s', async (state, ok) => {
  const f = await fixture();
  await f.report('n1', { state });
  await f.discovery.refresh();
  expect(f.discovery.checks()).toMatchObject([{ ok }]);
});

it('has one request find out whether a registry that hangs is back; the others use the nodes known', async () => {
  const f = await fixture(UNLIMITED);
  await f.report('n1');
  await f.discovery.refresh();
  f.state.away = true;
  await f.connect();
  f.state.nowMs += 1_000;
  const gate: { open?: () => void } = {};
  f.state.hangs = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  const asked = f.state.calls;
  const first = f.connect();
  await expect.poll(() => f.state.calls).toBe(asked + 1);
  for (let index = 0; index < 10; index++) expect((await connected(await f.connect())).node.id).toBe('n1');
  expect(f.state.calls).toBe(asked + 1);
  f.state.hangs = undefined;
  gate.open?.();
  expect((await connected(await first)).node.id).toBe('n1');
});
