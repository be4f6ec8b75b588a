// Planted lies: whatever would falsify a run's numbers is told by the load test and by the bench, and fails the run. Needs `npm run build`.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { compareTransports } from '../../loadtest/comparison.js';
import { INSTRUMENTS, type Instruments } from '../../loadtest/instruments.js';
import { interleave } from '../../loadtest/interleaving.js';
import { Judge } from '../../loadtest/judge.js';
import { openStage } from '../../loadtest/lab.js';
import { describeMachine } from '../../loadtest/machine.js';
import { DEFAULTS, planOf } from '../../loadtest/plan/arm.js';
import type { Publisher } from '../../loadtest/publisher.js';
import { begin, exitCodeOf, measureWith } from '../../loadtest/run/command.js';
import { run as runPlan } from '../../loadtest/run/run.js';
import { toTextTable } from '../../loadtest/run/text-table.js';
import { makeSecrets } from '../../loadtest/server-process.js';
import { flood, pace } from '../../loadtest/traffic.js';
import { type Fate, startStrayingProxy } from '../support/straying-proxy.js';

const CLIENTS = 5;
const RATE = 50;

/** Runs something small through the instrument and returns why it was refused; empty when it was not. */
type Run = (plants: Partial<Instruments>, allowBusy: boolean) => Promise<readonly string[]>;

const loadTest: Run = async (plants, allowBusy) => {
  const options = {
    transports: ['websocket'] as const,
    clients: CLIENTS,
    rate: RATE,
    seconds: 1,
    payloadBytes: 128,
    pollEveryMs: 100,
    engine: 'auto',
    broker: 'redis',
    allowBusy,
  } as const;
  const rows = await compareTransports(options, { ...INSTRUMENTS, ...plants });
  return rows.flatMap(({ figures, faults, doubts }) => (figures === undefined ? [...faults, ...doubts] : []));
};

const bench =
  (traffic: 'paced' | 'flooded'): Run =>
  async (plants, allowBusy) => {
    const judge = new Judge({ allowBusy, attempts: 1, log: () => {} });
    const instruments = { ...INSTRUMENTS, ...plants };
    const lab = { instruments, judge, secrets: makeSecrets(), pairs: 1, log: () => {} };
    const crowd = { clients: CLIENTS, spread: 'shared', transport: 'websocket', payloadBytes: 128 } as const;
    const stage = await openStage(lab, { kind: 'uws' }, crowd);
    const rhythm = { perSecond: RATE, seconds: 1, latency: true, lingerMs: 300 };
    const burst = { messages: 640, batch: 64 };
    try {
      const runners = [{ stage: stage.logged }];
      await interleave(lab, 'x', runners, (one) => (traffic === 'paced' ? pace(one, rhythm) : flood(one, burst)));
    } finally {
      await stage.close();
    }
    return judge.faults;
  };

const PACED: readonly [string, Run][] = [
  ['the load test', loadTest],
  ['the bench', bench('paced')],
];
const STRAYED = /1 of \d+ deliveries were lost.*1 deliveries were repeated/;

/** Half of the time its event loop does something else. */
const SLOWED =
  'setInterval(() => { const end = performance.now() + 100; while (performance.now() < end); }, 200).unref()';

/** Takes twice as long as it was asked to. */
function halved(opened: Publisher): Publisher {
  let turn = Promise.resolve();
  return {
    send: (bytes, messages) => {
      turn = turn.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, (messages * 2_000) / RATE));
        opened.send(bytes, messages);
      });
    },
    settled: async () => {
      await turn;
      await opened.settled();
    },
    close: () => opened.close(),
  };
}

const closing: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

/** Loses one message and repeats a later one. Messages are counted over all links; the load test's warm-up has 250 of them. */
function straying(lost: number): Partial<Instruments> {
  const fate = (message: number): Fate => (message === lost ? 'lose' : message === lost + 20 ? 'repeat' : 'pass');
  return {
    route: async (server) => {
      const proxy = await startStrayingProxy(server, fate);
      closing.push(() => proxy.close());
      return proxy;
    },
  };
}

/** Where others keep the cores busy, a rate may not be kept, which is true and no lie. */
const NOT_KEPT = /messages\/s instead of/;

// Side by side, since each mostly waits.
describe.concurrent.each(PACED)('%s', (name, run) => {
  it.sequential('believes a run in which nothing was planted', async () => {
    expect((await run({}, true)).filter((reason) => !NOT_KEPT.test(reason))).toEqual([]);
  });

  it.sequential('tells one lost and one repeated message, though the totals match', async () => {
    expect((await run(straying(name === 'the load test' ? 260 : 60), true)).join()).toMatch(STRAYED);
  });

  it.sequential('refuses the numbers of a machine with a busy core', async () => {
    const hog = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    try {
      expect((await run({}, false)).join()).toContain('the machine was busy');
    } finally {
      hog.kill('SIGKILL');
    }
  });

  it.sequential('tells a publisher at half its rate, on a busy machine too', async () => {
    expect((await run({ publisher: halved }, true)).join()).toMatch(/messages\/s instead of 50 \(\d\d\.\d %/);
  });

  it.sequential('refuses the numbers of a driver that is slowed by half', async () => {
    const driverFlags = ['--import', `data:text/javascript,${encodeURIComponent(SLOWED)}`];
    expect((await run({ driverFlags }, false)).join()).toContain('a driver was late');
  });
});

describe.concurrent('in a flood and in the lab', () => {
  it.sequential('the bench tells one lost and one repeated message in a flood', async () => {
    expect((await bench('flooded')(straying(60), true)).join()).toMatch(STRAYED);
  });

  it.sequential('the lab tells peers that this machine has not', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-lab-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const mine = join(folder, 'mine.yaml');
    writeFileSync(
      mine,
      'scenarios: [{ name: mine, transport: websocket, broker: memory, engine: [uws, nchan, nats] }]',
    );
    const main = fileURLToPath(new URL('../../dist/loadtest/main.js', import.meta.url));
    // Nothing but this Node is installed there.
    const options = { env: { ...process.env, PATH: folder } };
    const { stdout } = await promisify(execFile)(process.execPath, [main, '--scenarios', mine, '--list'], options);
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^mine · uws · websocket · memory/),
      'left out: MISSING: nchan: nginx with nchan is not installed (Debian: libnginx-mod-nchan)',
      'left out: MISSING: nats: nats-server is not installed (Debian: nats-server)',
    ]);
  });

  it.sequential('the lab tells a server that drops one message in 10,000', async () => {
    const fate = (message: number): Fate => (message % 10_000 === 0 ? 'lose' : 'pass');
    const route: Instruments['route'] = async (server) => {
      const proxy = await startStrayingProxy(server, fate);
      closing.push(() => proxy.close());
      return proxy;
    };
    const columns = { links: [20], rate: ['flood'], batch: [64], seconds: [0.5], transport: ['websocket'] } as const;
    const plan = planOf([{ ...DEFAULTS, ...columns, name: 'lie', what: 'lie' }]);
    const begun = begin(plan, { rounds: 1, allowBusy: true, machine: describeMachine() });
    const measure = measureWith({ ...INSTRUMENTS, route }, 1);
    const result = await runPlan(begun, { measure, save: () => {}, log: () => {}, commit: begun.machine.commit });
    expect(toTextTable(result)).toMatch(/INVALID: lie .*: \d+ of \d+ deliveries were lost/);
    expect(exitCodeOf(result)).toBe(1);
  });
});
