// The import arrows of the house, as rules of dependency-cruiser, and a function that applies them to a tree.

import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser';

/** Which part may import which other parts; every part may import from itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = (() => {
  const ground = ['src/protocol', 'src/lib', 'src/config'];
  const middle = ['src/auth', 'src/limits', 'src/broker', 'src/cluster', 'src/http'];
  return {
    'src/protocol': [],
    'src/lib': ['src/protocol'],
    'src/config': ['src/protocol', 'src/lib'],
    // How often an issuer is asked for its keys.
    'src/auth': [...ground, 'src/limits'],
    'src/limits': ground,
    'src/cluster': ground,
    // What node and discovery both serve HTTP with.
    'src/http': [...ground, 'src/auth', 'src/limits'],
    // It implements what limits and cluster ask of Redis.
    'src/broker': [...ground, 'src/limits', 'src/cluster'],
    'src/node': [...ground, ...middle],
    discovery: [...ground, ...middle],
    'client-sdk': ['src/protocol'],
    demo: ['src/protocol', 'client-sdk'],
    loadtest: ['src/protocol', 'client-sdk'],
    'src/cli': [...ground, ...middle, 'src/node', 'discovery', 'client-sdk'],
  };
})();

/** Which packages only some places may import. The load lab runs bare servers and drives Redis by itself. */
const OWNERS: Readonly<Record<string, string>> = {
  jose: '^src/auth/',
  ioredis: '^(src/broker/redis|loadtest)/',
  'uWebSockets\\.js': '^(src/node/engines/uws|loadtest)/',
  ws: '^(src/node/engines/ws/|client-sdk/node\\.ts$|loadtest/)',
  'socket\\.io': '^loadtest/peers/',
  '@socket\\.io': '^loadtest/peers/',
  react: '^client-sdk/react\\.ts$',
  zod: '^src/config/',
  yaml: '^(src/config|loadtest/plan)/',
  commander: '^src/cli/',
  'prom-client': '^src/cli/',
  'pino(-pretty)?': '^src/lib/pino-logger\\.ts$',
};

/**
 * The floors inside a part, from the top down: a folder, or a file of the part itself, may import what stands below it. What
 * stands beside no other floor, as an engine beside the transports, names what it may import.
 */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  'src/node/transports/': ['src/node/(clients|channels)/', 'src/node/[a-z-]+\\.ts$', 'src/node/engines/engine\\.ts$'],
  'src/node/clients/': ['src/node/channels/', 'src/node/node-options\\.ts$', 'src/node/engines/engine\\.ts$'],
  'src/node/channels/': [],
  'src/node/engines/uws/': ['src/node/engines/[a-z-]+\\.ts$'],
  'src/node/engines/ws/': ['src/node/engines/[a-z-]+\\.ts$'],
  'src/broker/memory/': ['src/broker/[a-z-]+\\.ts$'],
  'src/broker/redis/functions/': ['src/broker/redis/[a-z-]+\\.ts$'],
  'src/broker/redis/': ['src/broker/[a-z-]+\\.ts$'],
  'src/broker/queue/': ['src/broker/[a-z-]+\\.ts$', 'src/broker/redis/'],
};

const PARTS = Object.keys(ARROWS);
const CODE = `^(${PARTS.join('|')})/`;

function arrowRule([part, allowed]: [string, readonly string[]]): IForbiddenRuleType {
  return {
    name: `arrow-${part.replace('/', '-')}`,
    severity: 'error',
    from: { path: `^${part}/` },
    to: { path: `${CODE}|^(test|scripts)/`, pathNot: `^(${[part, ...allowed].join('|')})/` },
  };
}

function floorRule([floor, below]: [string, readonly string[]]): IForbiddenRuleType {
  const part = floor.split('/').slice(0, 2).join('/');
  return {
    name: `floor-${floor.replaceAll('/', '-').slice(0, -1)}`,
    severity: 'error',
    from: { path: `^${floor}` },
    to: { path: `^${part}/`, pathNot: `^(${[floor, ...below].join('|')})` },
  };
}

function ownerRule([name, place]: [string, string]): IForbiddenRuleType {
  return {
    name: `owner-of-${name.replaceAll(/[^A-Za-z-]/g, '')}`,
    severity: 'error',
    from: { path: CODE, pathNot: place },
    // A package that is not installed stands there under its bare name.
    to: { path: `(^|^node_modules/)(@types/)?${name}(/|$)` },
  };
}

const RULES: IForbiddenRuleType[] = [
  ...Object.entries(ARROWS).map(arrowRule),
  ...Object.entries(FLOORS).map(floorRule),
  ...Object.entries(OWNERS).map(ownerRule),
  { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'runs-anywhere',
    comment: 'the contract and the SDK run in browsers',
    severity: 'error',
    from: { path: '^(src/protocol|client-sdk|demo)/', pathNot: '^client-sdk/node\\.ts$' },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'sdk-without-dependency',
    severity: 'error',
    from: { path: '^(src/protocol|client-sdk)/', pathNot: '^client-sdk/(node|react)\\.ts$' },
    to: { path: '^node_modules/' },
  },
];

/** Every broken rule as `rule: from → to`, in the tree at `root`. */
export async function brokenArrows(root: string): Promise<string[]> {
  const { output } = await cruise(
    ['.'],
    {
      baseDir: root,
      ruleSet: { forbidden: RULES },
      validate: true,
      // Imports of types count: they are what makes a part know another.
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '(^|/)(dist|results|docs|scripts|test)/|\\.(mjs|json)$' },
    },
    { extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } },
  );
  const { summary } = output as ICruiseResult;
  if (summary.totalCruised === 0) throw new Error(`nothing was found at ${root}`);
  return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).sort();
}
