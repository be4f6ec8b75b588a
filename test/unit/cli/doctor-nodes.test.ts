// What `fanfare doctor` says of nodes that discovery has a problem with, whatever they answer themselves.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FoundNode } from '../../../src/cli/doctor/answers.js';
import { Clocks } from '../../../src/cli/doctor/clocks.js';
import { Findings } from '../../../src/cli/doctor/finding.js';
import { examineNodes } from '../../../src/cli/doctor/nodes.js';
import { HEADERS } from '../../../src/protocol/index.js';

/** As node `n2`, where it is asked whether it lives. */
const server = createServer((_, answer) => {
  answer.setHeader(HEADERS.node, 'n2').end(JSON.stringify({ live: true, timeMs: Date.now() }));
});
let url: string;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

async function codesOf(...nodes: readonly FoundNode[]): Promise<readonly string[]> {
  const found = new Findings();
  const terms = { adminKey: undefined, ticket: undefined, origin: undefined, wantedConnections: 1 };
  await examineNodes(nodes, terms, found, new Clocks());
  return found.all.map(({ code, message }) => `${code} ${/n\d/.exec(message)?.[0]}`);
}

const away = (id: string, problem?: string): FoundNode => ({
  ...{ id, url: `http://127.0.0.1:1/${id}` },
  ...(problem !== undefined && { problem }),
});

it('names one that cannot see that its URL leads to it, where others are preferred for it', async () => {
  const unreached = { id: 'n2', url, problem: 'unreached' };
  expect(await codesOf(away('n1'), unreached)).toContain('node_unreached n2');
  expect(await codesOf(away('n1', 'unreached'), unreached)).not.toContain('node_unreached n2');
});

it('says no more of one that cannot be reached from here either', async () => {
  expect(await codesOf(away('n1'), away('n2', 'unreached'))).toEqual(['node_unreachable n1', 'node_unreachable n2']);
});

it('names one with an old record', async () => {
  expect(await codesOf(away('n2', 'old_proof'))).toEqual(['node_old_proof n2', 'node_unreachable n2']);
});
