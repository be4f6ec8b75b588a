// The import arrows hold, there is no cycle, and each of these rules can fail.

import { describe, expect, it } from 'vitest';
import { brokenArrows } from './architecture.js';
import { inTree, ROOT } from './tree.js';

it('has neither a forbidden import nor a cycle', async () => {
  expect(await brokenArrows(ROOT)).toEqual([]);
});

/** A small tree in which every import is allowed. */
const GOOD = {
  'src/protocol/index.ts': 'export const a = 1;\n',
  'src/lib/errors.ts': "export { a } from '../protocol/index.js';\n",
  'src/config/schema.ts': "import 'zod';\nexport { a } from '../lib/errors.js';\n",
  'src/auth/tokens.ts': "import 'jose';\nexport { a } from '../config/schema.js';\n",
  'src/limits/bucket.ts': 'export const limit = 1;\n',
  'src/cluster/registry.ts': 'export interface Registry { readonly a: number }\n',
  'src/broker/redis/broker.ts': "import 'ioredis';\nexport type { Registry } from '../../cluster/registry.js';\n",
  'src/node/node.ts': "export { a } from '../auth/tokens.js';\n",
  'src/node/engines/ws/engine.ts': "import 'ws';\nexport const ws = 1;\n",
  'discovery/handler.ts': "export { a } from '../src/auth/tokens.js';\n",
  'client-sdk/index.ts': "export { a } from '../src/protocol/index.js';\n",
  'client-sdk/node.ts': "import 'ws';\nexport { a } from './index.js';\n",
  'src/cli/main.ts':
    "import '../node/node.js';\nimport '../../discovery/handler.js';\nimport '../../client-sdk/node.js';\n",
};

describe('a planted violation is found', () => {
  it('and a good tree has none', async () => {
    expect(await inTree(GOOD, brokenArrows)).toEqual([]);
  });

  it.each([
    ['a cycle', 'src/lib/errors.ts', "export { b } from './other.js';\n", 'no-cycle'],
    ['the contract importing anything', 'src/protocol/index.ts', "import '../lib/errors.js';\n", 'arrow-src-protocol'],
    ['the SDK importing the server', 'client-sdk/index.ts', "import '../src/lib/errors.js';\n", 'arrow-client-sdk'],
    ['node importing discovery', 'src/node/node.ts', "import '../../discovery/handler.js';\n", 'arrow-src-node'],
    ['discovery importing node', 'discovery/handler.ts', "import '../src/node/node.js';\n", 'arrow-discovery'],
    ['a type of a part above', 'src/auth/tokens.ts', "import type {} from '../node/node.js';\n", 'arrow-src-auth'],
    [
      'cluster reaching into the broker',
      'src/cluster/registry.ts',
      "import '../broker/redis/broker.js';\n",
      'arrow-src-cluster',
    ],
    [
      'anything importing the command line',
      'discovery/handler.ts',
      "import '../src/cli/main.js';\n",
      'arrow-discovery',
    ],
    [
      'a channel that knows its clients',
      'src/node/channels/channel.ts',
      "import '../clients/session.js';\n",
      'floor-src-node-channels',
    ],
    [
      'a client that knows a transport',
      'src/node/clients/session.ts',
      "import '../transports/poll.js';\n",
      'floor-src-node-clients',
    ],
    [
      'a transport that knows an engine',
      'src/node/transports/poll.ts',
      "import '../engines/ws/engine.js';\n",
      'floor-src-node-transports',
    ],
    [
      'one engine that knows the other',
      'src/node/engines/uws/engine.ts',
      "import '../ws/engine.js';\n",
      'floor-src-node-engines-uws',
    ],
    [
      'memory that knows Redis',
      'src/broker/memory/broker.ts',
      "import '../redis/broker.js';\n",
      'floor-src-broker-memory',
    ],
    [
      'Redis that knows the queue',
      'src/broker/redis/broker.ts',
      "import '../queue/ingest.js';\n",
      'floor-src-broker-redis',
    ],
    ['jose outside auth', 'src/node/node.ts', "import 'jose';\n", 'owner-of-jose'],
    ['ioredis outside the broker', 'src/cluster/registry.ts', "import 'ioredis';\n", 'owner-of-ioredis'],
    ['uWebSockets.js outside the engines', 'src/node/node.ts', "import 'uWebSockets.js';\n", 'owner-of-uWebSocketsjs'],
    ['ws outside the engines', 'src/node/node.ts', "import 'ws';\n", 'owner-of-ws'],
    ['a package loaded later', 'src/node/node.ts', "await import('jose');\n", 'owner-of-jose'],
    ['Node in the contract', 'src/protocol/index.ts', "import 'node:fs';\n", 'runs-anywhere'],
    ['Node in the SDK', 'client-sdk/index.ts', "import 'node:fs';\n", 'runs-anywhere'],
  ])('%s', async (_, path, text, rule) => {
    const other = { 'src/lib/other.ts': "import './errors.js';\nexport const b = 1;\n" };
    const floors = {
      'src/node/clients/session.ts': 'export const a = 1;\n',
      'src/node/transports/poll.ts': 'export const a = 1;\n',
      'src/broker/queue/ingest.ts': 'export const a = 1;\n',
    };
    const broken = await inTree({ ...GOOD, ...other, ...floors, [path]: text }, brokenArrows);
    expect(broken.map((line) => line.split(':')[0])).toContain(rule);
    expect(broken.join()).toContain(`: ${path} → `);
  });
});
