// The public suite of the Durable Streams protocol, as npm has it, against a channel's URL: all of its read part in JSON mode holds.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { NOT_APPLYING, READING_GROUPS } from '../foreign/open-protocol.js';
import { startNode } from '../support/push-node.js';
import { startStreamAdapter } from '../support/stream-adapter.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
/** Those that hold as this is written; fewer would mean that the suite has not run. */
const HOLDING = 65;

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly title: string;
      readonly ancestorTitles: readonly string[];
    }[];
  }[];
}

/** `group › title` of each test in the groups that are about reading, by how it ended. */
async function runSuite(url: string): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'fanfare-suite-'));
  const report = join(folder, 'report.json');
  const args = ['run', '--config', 'test/foreign/vitest.config.ts', '--reporter=json', `--outputFile=${report}`];
  const groups = READING_GROUPS.join('|');
  const child = spawn(process.execPath, [VITEST, ...args, '-t', groups], {
    cwd: ROOT,
    env: { ...process.env, FANFARE_TEST_URL: url },
    stdio: 'ignore',
  });
  await new Promise((resolve) => child.once('close', resolve));
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as Report;
  await rm(folder, { recursive: true });
  const ended = new Map<string, string>();
  for (const { status, title, ancestorTitles } of testResults.flatMap((one) => one.assertionResults)) {
    const group = ancestorTitles.at(-1) ?? '';
    if (READING_GROUPS.includes(group)) ended.set(`${group} › ${title}`, status);
  }
  return ended;
}

it.concurrent.each(['uws', 'ws'] as const)(
  'holds on the %s engine, but for what is written down',
  { timeout: 280_000 },
  async (engine) => {
    const node = await startNode({ engine, namespaces: { default: { historySize: 10_000 } } });
    const adapter = await startStreamAdapter(node);
    try {
      const ended = await runSuite(adapter.url);
      const known = NOT_APPLYING.flatMap(({ group, titles }) => titles.map((title) => `${group} › ${title}`));
      const failed = [...ended].filter(([, status]) => status === 'failed').map(([name]) => name);
      expect(failed.sort()).toEqual(known.sort());
      expect([...ended.values()].filter((status) => status === 'passed').length).toBeGreaterThanOrEqual(HOLDING);
    } finally {
      await adapter.close();
      await node.close();
    }
  },
);
