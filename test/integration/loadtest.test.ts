// The load test on a tiny scale: it counts every delivery on every transport, over both brokers. Needs `npm run build`.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type LabResult, readResult, writeResult } from '../../loadtest/run/result.js';
import { TRANSPORTS } from '../../src/protocol/index.js';
import { labResult, trafficCounts } from '../unit/loadtest/lab-results.js';

const COMMAND = fileURLToPath(new URL('../../dist/loadtest/main.js', import.meta.url));
const TINY = ['--clients', '5', '--rate', '20', '--seconds', '1', '--poll-every', '100', '--json', '--allow-busy'];

const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, [COMMAND, ...args]);

/** Whatever it exits with: on a busy machine it may well refuse figures. */
async function ran(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run(...args).catch((error: unknown) => error as { stdout: string; stderr: string });
}

/** While other tests run, a rate may not be kept for half a second, which is told; nothing goes astray for that. */
const NOT_KEPT = /messages\/s instead of/;

const folder = mkdtempSync(join(tmpdir(), 'fanfare-lab-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A scenario and its result, in a folder that no other test has: groups of tests run side by side, since each mostly waits. */
function place() {
  const own = mkdtempSync(join(folder, 'own-'));
  return { mine: join(own, 'mine.yaml'), out: join(own, 'result.json') };
}

const columns = 'links: 8, channels: 4, batch: 2, seconds: 0.5, poll-every: 100';

describe.concurrent('the load test', () => {
  it.sequential.each(['memory', 'redis'])(
    'delivers every message on every transport with the %s broker',
    async (broker) => {
      const { stdout } = await ran(...TINY, '--broker', broker);
      const rows = JSON.parse(stdout) as readonly { readonly faults: readonly string[] }[];
      // Short polls get messages for one pause more, before the window begins: 2 more for each client.
      const came = (transport: string) => (transport === 'short-poll' ? 110 : 100);
      expect(rows).toEqual(
        TRANSPORTS.map((transport) =>
          expect.objectContaining({
            ...{ transport, expected: came(transport), deliveries: came(transport) },
            ...{ clients: 5, asked: 20, lost: 0, repeated: 0 },
          }),
        ),
      );
      expect(rows.flatMap(({ faults }) => faults).filter((fault) => !NOT_KEPT.test(fault))).toEqual([]);
      for (const row of rows.filter(({ faults }) => faults.length === 0))
        expect(row).toMatchObject({ figures: { p99Ms: expect.any(Number) } });
    },
    60_000,
  );

  it.sequential('names every wrong option at once', async () => {
    const failure = await run('--clients', '0', '--engine', 'steam').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 64 });
    expect(failure).toMatchObject({ stderr: expect.stringMatching(/--clients: .*\n--engine: /) });
  });
});

describe.concurrent('the lab', () => {
  it.sequential('runs scenarios of a YAML file, on every transport and beside the bare loop, and loses nothing', async () => {
    const { mine, out } = place();
    writeFileSync(mine, `scenarios: [{ name: mine, engine: [uws, bare], rate: [40, flood], ${columns} }]`);
    const { stderr } = await ran('--scenarios', mine, '--rounds', '1', '--allow-busy', '--out', out);
    const result = readResult(out);
    expect(result.arms).toHaveLength(11); // uws: 4 paced and 3 flooded; bare: 2 and 2
    for (const { rounds } of result.arms) {
      expect(rounds).toHaveLength(1);
      const { traffic, faults = [] } = rounds[0] ?? {};
      expect(faults.filter((fault) => !NOT_KEPT.test(fault))).toEqual([]);
      expect(traffic).toMatchObject({ lost: 0, repeated: 0, disordered: 0 });
      expect(traffic?.deliveries).toBe(traffic?.expected);
      // A frame has its payload, what Fanfare or HTTP put around it, and below that TCP and IP.
      const payload = (traffic?.deliveries ?? 0) * 128;
      expect(traffic?.bytesDown).toBeGreaterThan(payload);
      expect(traffic?.wireBytes).toBeGreaterThan((traffic?.bytesDown ?? 0) + (traffic?.bytesUp ?? 0));
    }
    expect(stderr).toContain('left out: mine: bare has no sse here');
  }, 240_000);
});

describe.concurrent('the lab', () => {
  it.sequential('runs every peer that this machine has and says of the others that they are missing', async () => {
    const { mine, out } = place();
    const peers = ['bare-ws', 'socketio', 'nchan', 'nats'];
    const engines = peers.join(', ');
    writeFileSync(mine, `scenarios: [{ name: mine, engine: [${engines}], rate: [40, flood], ${columns} }]`);
    const { stderr } = await ran('--scenarios', mine, '--rounds', '1', '--allow-busy', '--out', out);
    const result = readResult(out);
    for (const { rounds } of result.arms) {
      const { traffic, faults = [] } = rounds[0] ?? {};
      expect(faults.filter((fault) => !NOT_KEPT.test(fault))).toEqual([]);
      expect(traffic).toMatchObject({ lost: 0, repeated: 0, disordered: 0 });
      expect(traffic?.deliveries).toBe(traffic?.expected);
      expect(traffic?.wireBytes).toBeGreaterThan((traffic?.deliveries ?? 0) * 128);
    }
    const measured = new Set<string>(result.arms.map(({ arm }) => arm.engine));
    for (const peer of peers) if (!measured.has(peer)) expect(stderr).toContain(`left out: MISSING: ${peer}: `);
    // These two come with the packages and need Redis alone, without which this suite does not run.
    expect([...measured]).toEqual(expect.arrayContaining(['bare-ws', 'socketio']));
  }, 240_000);

  it.sequential('measures what idle links take', async () => {
    const { mine, out } = place();
    writeFileSync(mine, 'scenarios: [{ name: idle, transport: websocket, rate: idle, links: 300 }]');
    await ran('--scenarios', mine, '--rounds', '1', '--allow-busy', '--out', out);
    expect(readResult(out).arms[0]?.rounds[0]).toMatchObject({ faults: [], linkBytes: expect.any(Number) });
  });

  it.sequential('goes on with a result of its own commit, and refuses one whose first half came from another', async () => {
    const { mine, out } = place();
    writeFileSync(mine, `scenarios: [{ name: mine, transport: websocket, ${columns} }]`);
    await ran('--scenarios', mine, '--rounds', '1', '--allow-busy', '--out', out);
    const whole = readResult(out);
    const half: LabResult = { ...whole, arms: whole.arms.map((one) => ({ ...one, rounds: [] })) };
    writeFileSync(out, JSON.stringify(half));
    await ran('--resume', out);
    expect(readFileSync(out.replace(/json$/, 'html'), 'utf8')).toContain('mine · uws · websocket');
    expect(readResult(out).arms.map(({ rounds }) => rounds.length)).toEqual([1]);
    writeFileSync(out, JSON.stringify({ ...half, machine: { ...half.machine, commit: 'abc1234' } }));
    const before = readFileSync(out, 'utf8');
    const refusal = await run('--resume', out).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 64, stderr: expect.stringContaining('it was begun at commit abc1234') });
    expect(readFileSync(out, 'utf8')).toBe(before);
  });

  it.sequential('makes the report of a result again, and says what moved to another', async () => {
    const { out } = place();
    const traffic = (server: number) => ({ traffic: trafficCounts({ server }) });
    const { out: other } = place();
    writeResult(out, labResult([[traffic(1), traffic(1), traffic(1)]]));
    writeResult(other, labResult([[traffic(2), traffic(2), traffic(2)]]));
    const { stdout } = await run('--report', out);
    expect(stdout.trim()).toBe(['html', 'md'].map((ending) => out.replace(/json$/, ending)).join('\n'));
    expect(readFileSync(out.replace(/json$/, 'html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<svg /);
    expect((await run('--compare', out, other)).stdout).toContain('WORSE: a · uws · websocket');
    const failure = await run('--compare', out).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 64, stderr: expect.stringContaining('--compare: expected two results') });
  });

  it.sequential('explains itself, lists a table without running it, and tells flags that do not go together', async () => {
    expect((await run('--help')).stdout).toMatch(/--quick [\s\S]*--resume [\s\S]*poll-every[\s\S]*--clients/);
    expect((await run('--quick', '--list')).stdout).toMatch(/^fan-out · uws · websocket · redis · 300 links on 1/);
    for (const [flags, said] of [
      [['--quick', '--clients', '5'], '--clients and --quick do not go together'],
      [['--only', 'nothing'], '--only: there is no scenario "nothing", there are fan-out'],
      [['--rounds', 'x'], '--rounds: expected a whole number'],
      [['--resume', '/nowhere.json'], '--resume: there is no /nowhere.json'],
      [['--steam'], "Unknown option '--steam'"],
    ] as const) {
      const failure = await run(...flags).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 64, stderr: expect.stringContaining(said) });
    }
  });
});
