// Fetched once by a backend, in each language of the recipes, then followed by a client, while somebody publishes: no hole between the two, and no double.

import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { FEEDS } from '../support/feed.js';
import { startNode, type TestNode } from '../support/push-node.js';

const run = promisify(execFile);
const source = (name: string) => fileURLToPath(new URL(`../../examples/backends/history/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fanfare-history-'));
const NAMESPACES = { default: { historySize: 10_000 } };
const READS = { key: 'key-of-the-tests-reads-0123456789', patterns: ['chat:*'], rights: ['read'] } as const;
const CHANNEL = 'chat:a=20b';
/** What is another once a language has read and written it. */
const EXACT = '{"meta":{},"list":[],"0":{"0":1},"id":12345678901234567890,"n":1.0,"much":1e400,"text":"ü"}';
const LAST = 20;
const FOLLOWED = 20;
const PUBLISH_EVERY_MS = 5;

type Command = readonly [program: string, ...args: string[]];

interface Language {
  readonly title: string;
  /** What exits with 0 where it can run. */
  readonly needs: Command;
  readonly make?: Command;
  readonly command: Command;
}

const LANGUAGES: readonly Language[] = [
  { title: 'Python', needs: ['/usr/bin/python3', '--version'], command: ['/usr/bin/python3', source('history.py')] },
  { title: 'PHP', needs: ['php', '--version'], command: ['php', source('history.php')] },
  { title: 'Node', needs: [process.execPath, '--version'], command: [process.execPath, source('history.mjs')] },
  { title: 'Ruby', needs: ['ruby', '--version'], command: ['ruby', source('history.rb')] },
  {
    title: 'Go',
    needs: ['go', 'version'],
    make: ['go', 'build', '-o', join(folder, 'history'), source('history.go')],
    command: [join(folder, 'history')],
  },
  {
    title: 'Java',
    needs: ['sh', '-c', 'java --list-modules | grep -q jdk.compiler'],
    make: ['javac', '-d', folder, source('History.java')],
    command: ['java', '-cp', folder, 'History'],
  },
  { title: 'curl', needs: ['curl', '--version'], command: ['sh', source('history.sh')] },
];

const canRun = ({ needs: [program, ...args] }: Language) => spawnSync(program, args).status === 0;

beforeAll(() => {
  for (const language of LANGUAGES) {
    if (language.make === undefined || !canRun(language)) continue;
    const [compiler, ...flags] = language.make;
    execFileSync(compiler, flags);
  }
}, 90_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(['uws', 'ws'] as const)('what a backend reads from the %s engine', (engine) => {
  let node: TestNode;
  let published = 0;
  let isOver = false;
  let publishing: Promise<void>;

  beforeAll(async () => {
    const broker = createMemoryBroker({ namespaces: new Namespaces(NAMESPACES) });
    node = await startNode({ engine, broker, namespaces: NAMESPACES, options: { publishKeys: [READS] } });
    const publish = () => broker.publish({ channel: CHANNEL, data: String(published++) });
    for (let n = 0; n < LAST; n++) await publish();
    await broker.publish({ channel: 'chat:exact', data: EXACT });
    publishing = (async () => {
      for (; !isOver; await pause(PUBLISH_EVERY_MS)) await publish();
    })();
  });
  afterAll(async () => {
    isOver = true;
    await publishing;
    await node.close();
  });

  describe.each(LANGUAGES)('by $title', (language) => {
    it.skipIf(!canRun(language))('is followed without a hole and without a double', { timeout: 60_000 }, async () => {
      const [program, ...args] = language.command;
      const env = { ...process.env, FANFARE_PUBLISH_KEY: READS.key };
      const { stdout } = await run(program, [...args, node.url, CHANNEL, String(LAST)], { env });
      const { messages, after } = JSON.parse(stdout) as { readonly messages: number[]; readonly after: string };
      expect(messages.length).toBe(LAST);
      for (const [way, open] of Object.entries(FEEDS)) {
        const feed = open({ url: node.url, ticket: node.ticket() }, { [CHANNEL]: after });
        const seen = [...messages];
        try {
          for (let n = 0; n < FOLLOWED; n++) {
            const event = await feed.events.nextOf('message', 'gap', 'refused', 'closed');
            expect([way, event.type]).toEqual([way, 'message']);
            seen.push(Number(event.data));
          }
        } finally {
          feed.close();
        }
        const first = messages[0] ?? -1;
        expect([way, seen]).toEqual([way, Array.from({ length: LAST + FOLLOWED }, (_, n) => first + n)]);
      }
    });

    it.skipIf(!canRun(language))('hands messages on as they were published', async () => {
      const [program, ...args] = language.command;
      const env = { ...process.env, FANFARE_PUBLISH_KEY: READS.key };
      const { stdout } = await run(program, [...args, node.url, 'chat:exact', '1'], { env });
      expect(stdout).toMatch(/^\{"messages":\[.*\],"after":"\d{13}-\d{16}"\}\n$/);
      expect(stdout).toContain(EXACT);
    });

    it.skipIf(!canRun(language))('fails where its key has no right', async () => {
      const [program, ...args] = language.command;
      const env = { ...process.env, FANFARE_PUBLISH_KEY: READS.key };
      await expect(run(program, [...args, node.url, 'other', String(LAST)], { env })).rejects.toThrow();
    });
  });
});
