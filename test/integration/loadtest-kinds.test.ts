// What the lab measures besides a steady rate, on a tiny scale: storms, ramps, bad readers, ways to publish, a Redis Cluster, several nodes. Needs `npm run build`.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type LabResult, type Round, readResult } from '../../loadtest/run/result.js';
import { describeScale, measureScale } from '../../loadtest/scale.js';

const COMMAND = fileURLToPath(new URL('../../dist/loadtest/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fanfare-lab-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs one scenario of these columns once; whatever it exits with: on a busy machine it may well refuse figures. */
async function measured(columns: string): Promise<LabResult> {
  const own = mkdtempSync(join(folder, 'own-'));
  const [mine, out] = [join(own, 'mine.yaml'), join(own, 'result.json')];
  writeFileSync(mine, `scenarios: [{ name: mine, transport: websocket, ${columns} }]`);
  const args = ['--scenarios', mine, '--rounds', '1', '--allow-busy', '--out', out];
  await promisify(execFile)(process.execPath, [COMMAND, ...args]).catch(() => undefined);
  return readResult(out);
}

/** While other tests run, a rate may not be kept, which is told; nothing goes astray for that. */
function strayed({ faults }: Round): readonly string[] {
  return faults.filter((fault) => !/messages\/s instead of/.test(fault));
}

const roundsOf = ({ arms }: LabResult): readonly Round[] => arms.flatMap(({ rounds }) => rounds);

// Two at a time, since each mostly waits.
describe.concurrent('the lab', () => {
  it.sequential('publishes in every way that there is, and every message arrives once', async () => {
    const ways = '[fcall, publish, xadd, http, http-batch]';
    const result = await measured(`links: 4, rate: flood, batch: 8, seconds: 0.5, published-by: ${ways}`);
    expect(result.arms.map(({ arm }) => arm.publishedBy)).toEqual(['fcall', 'publish', 'xadd', 'http', 'http-batch']);
    for (const { traffic, faults } of roundsOf(result)) {
      expect(faults).toEqual([]);
      expect(traffic?.deliveries).toBe(traffic?.expected);
      expect(traffic?.serverSwitches).toBeGreaterThan(0);
    }
  });

  it("loses none of a tick's messages where they come in one frame, which takes fewer bytes", async () => {
    const [each, joined] = roundsOf(
      await measured('links: 4, rate: flood, batch: 16, seconds: 0.5, joins: [false, true]'),
    );
    expect([each?.faults, joined?.faults]).toEqual([[], []]);
    const bytes = [each, joined].map((round) => (round?.traffic?.bytesDown ?? 0) / (round?.traffic?.deliveries ?? 0));
    expect(bytes[1]).toBeLessThan((bytes[0] ?? 0) - 1);
  });

  it.sequential('measures clients that come, and clients that come back and get all that they missed', async () => {
    const [came] = roundsOf(await measured('links: 300, rate: connects'));
    expect(came).toMatchObject({ faults: [], storm: { clients: 300, server: expect.any(Number) } });
    expect(came?.storm?.server).toBeGreaterThan(0);
    const [back] = roundsOf(await measured('links: 100, channels: 10, rate: returns, batch: 20'));
    expect(back).toMatchObject({ faults: [], storm: { clients: 100 } });
  });

  it.sequential('raises the rate until something gives, and says what gave', async () => {
    const [round] = roundsOf(await measured('links: 100, rate: ramp, seconds: 0.5'));
    expect(round?.ramp?.reason).toMatch(/^at \d+\.\d messages a second: \S/);
    const { steps = [] } = round?.ramp ?? {};
    // Where nothing was sound, that is what is told.
    if (steps.length === 0) expect(round?.faults.join()).toContain('the ramp did not begin');
    for (const [at, step] of steps.slice(1).entries())
      expect(step.perSecond).toBeGreaterThan(steps[at]?.perSecond ?? 0);
  });
});

describe.concurrent('the lab', () => {
  it.sequential('loses nothing for those who read beside others that stop, trickle or never read', async () => {
    const columns = 'links: 30, slow: [0, 6], rate: 50, payload: 16384, seconds: 1';
    const result = await measured(columns);
    const rounds = roundsOf(result);
    expect(rounds.flatMap(strayed)).toEqual([]);
    expect(rounds.map(({ traffic }) => traffic?.deliveries)).toEqual([50 * 30, 50 * 24]);
  });

  it.sequential('finds the master of each channel on a Redis Cluster', async () => {
    const [round] = roundsOf(await measured('links: 12, channels: 12, broker: cluster, rate: 60, seconds: 1'));
    expect(round === undefined ? undefined : strayed(round)).toEqual([]);
    expect(round?.traffic).toMatchObject({ deliveries: 60, expected: 60, lost: 0 });
  });

  it.sequential('spreads links over nodes by discovery, and a broadcast reaches all of them', async () => {
    const result = await measureScale({ links: 300, nodes: 3, log: () => {} });
    expect(result.nodes.reduce((sum, { links }) => sum + links, 0)).toBe(300);
    expect(result.broadcasts.map(({ reached }) => reached)).toEqual([300, 300, 300, 300, 300]);
    expect(result.faults.filter((fault) => !fault.includes('from the mean'))).toEqual([]);
    expect(describeScale(result)).toMatch(/^300 idle, subscribed WebSockets on 3 nodes/);
  });
});
