// A channel's URL in the hands of what everybody has: curl, Python's requests, and a poller that knows nothing but ETag.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryBroker } from '../../src/broker/memory/broker.js';
import { Namespaces } from '../../src/config/namespaces.js';
import { startNode, type TestNode } from '../support/push-node.js';

const execute = promisify(execFile);
const NAMESPACES = { default: { historySize: 1_000 }, pub: { public: true, historySize: 1_000 } };
/** Debian's: another one on the path may lack the package. */
const PYTHON = '/usr/bin/python3';
const READER = fileURLToPath(new URL('clients/channel-reader.py', import.meta.url));

describe.each(['uws', 'ws'] as const)('at a channel’s URL on the %s engine', (engine) => {
  let node: TestNode;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fanfare-tools-'));
    const broker = createMemoryBroker({ namespaces: new Namespaces(NAMESPACES) });
    node = await startNode({ engine, broker, namespaces: NAMESPACES });
  });
  afterEach(async () => {
    await node.close();
    await rm(folder, { recursive: true });
  });

  const urlOf = (channel: string, query = '') => `${node.url}/v1/channels/${channel}${query}`;
  const publish = (channel: string, data: string) => node.broker.publish({ channel, data });
  const run = async (program: string, ...args: readonly string[]) => {
    const { stdout, stderr } = await execute(program, args, { timeout: 80_000 });
    expect(stderr).toBe('');
    return stdout;
  };

  it('curl reads what there is, waits for what comes, and follows', async () => {
    await publish('pub:x', '{"n":1}');
    expect(await run('curl', '-sS', urlOf('pub:x'))).toBe('[{"n":1}]');
    const token = ['-H', `Authorization: Bearer ${node.ticket()}`] as const;
    await publish('mine', '1');
    expect(await run('curl', '-sS', ...token, urlOf('mine', '?last=1'))).toBe('[1]');
    const waits = run('curl', '-sS', urlOf('pub:y', '?offset=now&live=long-poll'));
    await expect.poll(() => node.node.stats().waitingPolls).toBe(1);
    await publish('pub:y', '2');
    expect(await waits).toBe('[2]');
    const follows = run(
      'sh',
      '-c',
      `curl -sSN '${urlOf('pub:z', '?offset=-1&live=sse')}' 2>/dev/null | grep -m 1 '^data:\\[3'`,
    );
    await expect.poll(() => node.node.stats().streams).toBe(1);
    await publish('pub:z', '3');
    expect(await follows).toBe('data:[3]\n');
  });

  it('curl polls by ETag alone: nothing is sent that it has, and nothing is missed', async () => {
    const [tag, page] = [join(folder, 'etag'), join(folder, 'page')];
    const poll = () =>
      run('curl', '-sS', '-w', '%{http_code}', '--etag-compare', tag, '--etag-save', tag, '-o', page, urlOf('pub:x'));
    await publish('pub:x', '1');
    expect([await poll(), await poll()]).toEqual(['200', '304']);
    await publish('pub:x', '2');
    expect([await poll(), await poll()]).toEqual(['200', '304']);
    expect(await run('cat', page)).toBe('[1,2]');
  });

  it('Python’s requests reads all pages, then what comes, by long poll and by events', async () => {
    for (let n = 0; n < 400; n++) await publish('mine', String(n));
    const follows = run(PYTHON, READER, urlOf('mine'), node.ticket(), '402');
    await expect.poll(() => node.node.stats().waitingPolls).toBe(1);
    await publish('mine', '400');
    await expect.poll(() => node.node.stats().streams).toBe(1);
    await publish('mine', '401');
    expect(JSON.parse(await follows)).toEqual(Array.from({ length: 402 }, (_, n) => n));
  });
});
