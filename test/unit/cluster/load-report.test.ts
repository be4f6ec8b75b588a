// A node's reports: each second, one at a time, through whatever the registry does.

import { afterEach, expect, it, vi } from 'vitest';
import { createReporter, type Reporter, type ReporterParts } from '../../../src/cluster/load-report.js';
import { createMemoryRegistry } from '../../../src/cluster/memory-registry.js';
import type { NodeReport, Registry, ReportVerdict } from '../../../src/cluster/registry.js';
import { FanfareError } from '../../../src/lib/errors.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { node } from './test-cluster.js';

const reporters: Reporter[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const reporter of reporters.splice(0)) await reporter.stop();
});

/** A real registry that can be cut off, and that says when it has been asked. */
function cuttable() {
  const inner = createMemoryRegistry();
  const seen: NodeReport[] = [];
  const state = { away: false };
  const registry: Registry = {
    ...inner,
    assign: (exclude, allowed) => inner.assign(exclude, allowed),
    list: (signer) => inner.list(signer),
    requestDrain: (id) => inner.requestDrain(id),
    remove: (id, incarnation) => inner.remove(id, incarnation),
    async report(report) {
      if (state.away) throw new FanfareError('broker_unavailable', 'away');
      seen.push(report);
      return inner.report(report);
    },
  };
  return { registry, seen, state };
}

function reporterOf(parts: Partial<ReporterParts> & Pick<ReporterParts, 'registry'>) {
  const verdicts: ReportVerdict[] = [];
  const reporter = createReporter({
    logger: silentLogger,
    read: () => node('n1'),
    onVerdict: (verdict) => verdicts.push(verdict),
    ...parts,
  });
  reporters.push(reporter);
  return { reporter, verdicts };
}

it('reports at once and then each second', async () => {
  vi.useFakeTimers();
  const { registry, seen } = cuttable();
  const { reporter, verdicts } = reporterOf({ registry });
  await reporter.start();
  expect(seen.length).toBe(1);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(seen.length).toBe(4);
  expect(verdicts).toEqual(['accepted']);
  await reporter.stop();
  expect(vi.getTimerCount()).toBe(0);
  expect(await registry.list()).toEqual([]);
});

it('has reported what was so when it was asked, however far an earlier report had come', async () => {
  const { registry, seen } = cuttable();
  let connections = 0;
  const { reporter } = reporterOf({ registry, read: () => node('n1', { connections }) });
  for (let ticks = 0; ticks < 40; ticks++) {
    const earlier = reporter.report();
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    connections++;
    await reporter.report();
    expect([ticks, seen.at(-1)?.connections]).toEqual([ticks, connections]);
    await earlier;
  }
});

it('goes on when the registry fails, and then tells all that was claimed', async () => {
  const { registry, seen, state } = cuttable();
  let claims = ['a'];
  const { reporter } = reporterOf({
    registry,
    read() {
      const claimed = claims;
      claims = [];
      return node('n1', { claimed });
    },
  });
  state.away = true;
  await reporter.start();
  claims = ['b'];
  await reporter.report();
  state.away = false;
  claims = ['c'];
  await reporter.report();
  await reporter.report();
  expect(seen.map(({ claimed }) => claimed)).toEqual([['a', 'b', 'c'], []]);
});

it('sends one report at a time, and one more when asked meanwhile', async () => {
  const { registry } = cuttable();
  let open = 0;
  let most = 0;
  let sent = 0;
  let goOn = () => {};
  const { reporter } = reporterOf({
    registry: {
      ...registry,
      async report() {
        most = Math.max(most, ++open);
        sent++;
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        open--;
        return { verdict: 'accepted', nowMs: 0, drain: false, signers: [], lapsed: 0, isDoubted: false };
      },
    },
  });
  const first = reporter.report();
  void reporter.report();
  void reporter.report();
  goOn();
  await expect.poll(() => sent).toBe(2);
  goOn();
  await first;
  expect([most, sent]).toEqual([1, 2]);
});

it('hears when another incarnation has taken over, once', async () => {
  const { registry } = cuttable();
  const { reporter, verdicts } = reporterOf({ registry });
  await reporter.start();
  await registry.report(node('n1', { incarnation: 'n1-2' }));
  await reporter.report();
  await reporter.report();
  expect(verdicts).toEqual(['accepted', 'fenced']);
  await reporter.stop();
  expect((await registry.list()).map(({ id }) => id)).toEqual(['n1']);
});

it('hears once that somebody wants it to drain', async () => {
  const { registry } = cuttable();
  let asked = 0;
  const { reporter } = reporterOf({ registry, onDrainRequested: () => asked++ });
  await reporter.start();
  await registry.requestDrain('n1');
  await reporter.report();
  await reporter.report();
  expect(asked).toBe(1);
});

it('after its stop reports no more', async () => {
  const { registry, seen } = cuttable();
  const { reporter } = reporterOf({ registry });
  await reporter.start();
  await Promise.all([reporter.stop(), reporter.stop()]);
  await reporter.report();
  await reporter.start();
  expect(seen.length).toBe(1);
});
