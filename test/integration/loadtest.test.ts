// The load test on a tiny scale: it counts every delivery on every transport, over both brokers. Needs `npm run build`.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS } from '../../src/protocol/index.js';

const COMMAND = fileURLToPath(new URL('../../dist/loadtest/main.js', import.meta.url));
const TINY = ['--clients', '5', '--rate', '20', '--seconds', '1', '--poll-every', '100', '--json', '--allow-busy'];

const run = (...args: readonly string[]) => promisify(execFile)(process.execPath, [COMMAND, ...args]);

describe('the load test', () => {
  it.each(['memory', 'redis'])(
    'delivers every message on every transport with the %s broker',
    async (broker) => {
      const { stdout } = await run(...TINY, '--broker', broker);
      const rows: unknown = JSON.parse(stdout);
      const counts = { clients: 5, asked: 20, expected: 100, deliveries: 100, lost: 0, repeated: 0, faults: [] };
      const sound = { ...counts, figures: expect.objectContaining({ p99Ms: expect.any(Number) }) };
      expect(rows).toEqual(TRANSPORTS.map((transport) => expect.objectContaining({ transport, ...sound })));
    },
    60_000,
  );

  it('names every wrong option at once', async () => {
    const failure = await run('--clients', '0', '--engine', 'steam').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 64 });
    expect(failure).toMatchObject({ stderr: expect.stringMatching(/--clients: .*\n--engine: /) });
  });
});
