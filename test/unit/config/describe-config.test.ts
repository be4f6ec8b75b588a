// What people are shown of the configuration: values with their sources, secrets masked.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config-problem.js';
import { effectiveConfig, optionTable } from '../../../src/config/describe-config.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { maskedUrl } from '../../../src/config/masked-url.js';
import { ROLES } from '../../../src/config/option-info.js';
import { OPTION_KEYS } from '../../../src/config/schema.js';

it('prints each value of the role with its source, and no secret', () => {
  const env = {
    FANFARE_REDIS_URL: 'redis://app:hunter2@redis:6379/0',
    FANFARE_AUTH_SECRET: 'hunter2'.repeat(6),
    FANFARE_CLUSTER_SECRET: 'hunter2'.repeat(7),
    FANFARE_ADMIN_KEY: 'hunter2'.repeat(8),
    FANFARE_PUBLISH_KEY: 'hunter2'.repeat(9),
    FANFARE_AUTH_JWKS_URL: 'https://id.example/jwks?secret=hunter2',
  };
  const printed = effectiveConfig(loadConfig({ role: 'start', env, openFiles: 100_000 }));
  expect(printed).toMatch(/^port: 8080 +# default$/m);
  expect(printed).toMatch(/^redisUrl: "redis:\/\/\(hidden\)@redis:6379\/0" +# env FANFARE_REDIS_URL$/m);
  expect(printed).toMatch(/^authSecret: \(hidden\) +# env FANFARE_AUTH_SECRET$/m);
  expect(printed).toMatch(/^clusterSecret: \(hidden\) +# env FANFARE_CLUSTER_SECRET$/m);
  expect(printed).not.toContain('hunter2');
});

it.each([
  ['the development secret', {}],
  ['made at random for this process', { FANFARE_ORIGINS: 'loopback' }],
])('prints no secret that start made, only that it is %s', (source, env) => {
  const loaded = loadConfig({ role: 'start', env, openFiles: 100_000 });
  const printed = effectiveConfig(loaded);
  for (const key of ['authSecret', 'clusterSecret'] as const) {
    expect(printed).toMatch(new RegExp(`^${key}: \\(hidden\\) +# ${source}$`, 'm'));
    expect([printed, ...loaded.notes, ...loaded.warnings].join('\n')).not.toContain([loaded.config[key]].flat()[0]);
  }
});

it.each(ROLES)(
  'prints no part of any secret of %s, each a list where it may be one, in variables, files and YAML',
  (role) => {
    const folder = mkdtempSync(join(tmpdir(), 'fanfare-describe-'));
    try {
      // Each has parts of its own, so that a part that is shown tells whose it is.
      const parts = (name: string) => [`${name}Wq7`, `${name}Zx9`];
      const text = (name: string) =>
        parts(name)
          .join(name === 'RedisAuth' ? ':' : '-')
          .padEnd(40, `-${name}Kv3`);
      const list = (name: string) => `${text(`${name}One`)},${text(`${name}Two`)}`;
      const file = join(folder, 'secret');
      writeFileSync(file, `${list('Admin')}\n`);
      const yaml = join(folder, 'fanfare.yaml');
      writeFileSync(yaml, `authSecret: [${text('AuthOne')}, ${text('AuthTwo')}]\n`);
      const key = `name=shop;key=${text('Publish')};patterns=order:*`;
      const env = {
        FANFARE_CONFIG: yaml,
        FANFARE_REDIS_URL: `rediss+sentinel://user:${text('Url')}%2F${text('Tail')}@h:26379/main/3`,
        FANFARE_REDIS_SENTINEL_AUTH: text('RedisAuth'),
        FANFARE_CLUSTER_SECRET: list('Cluster'),
        FANFARE_ADMIN_KEY_FILE: file,
        ...(role !== 'discovery' && { FANFARE_PUBLISH_KEY: key, FANFARE_NODE_URL: 'https://n1.example' }),
        FANFARE_AUTH_JWKS_URL: `https://id.example/jwks?key=${text('Query')}`,
      };
      const printed = effectiveConfig(loadConfig({ role, env, openFiles: 100_000 }));
      expect(printed).toContain('/main/3"');
      expect(printed.match(/Wq7|Zx9|Kv3/g)).toBeNull();
      expect(printed).toMatch(/^redisSentinelAuth: \(hidden\)/m);
      expect(printed).toMatch(/^adminKey: \(hidden\)/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

it.each(ROLES)('prints for %s what was written as the config file takes it', (role) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-print-'));
  try {
    const namespaces = {
      default: { historySize: 10, historyTtl: '90s', cacheMaxAge: '1m' },
      news: {
        public: true,
        cacheMaxAge: '0s',
        limits: { publishes: { rate: '5/s' }, channel: { rate: '10/s', burst: 20 } },
      },
      gps: { conflateBy: 'id', slowConsumer: 'conflate', historySize: 1 },
    };
    const env = {
      FANFARE_NAMESPACES: JSON.stringify(namespaces),
      FANFARE_LIMITS: role === 'discovery' ? '{"connects":{"rate":"9/2s"}}' : '{"polls":{"rate":"90/2s"}}',
      FANFARE_REDIS_URL: 'redis://10.0.0.5:6379/3',
      FANFARE_ORIGINS: 'https://a.example,https://b.example',
      FANFARE_TRUSTED_PROXIES: '10.0.0.0/8,127.0.0.1',
      ...(role !== 'discovery' && { FANFARE_NODE_URL: 'https://n1.example' }),
    };
    const secrets = { FANFARE_AUTH_SECRET: 'a'.repeat(40), FANFARE_CLUSTER_SECRET: 'c'.repeat(40) };
    const printed = effectiveConfig(loadConfig({ role, env: { ...env, ...secrets }, openFiles: 100_000 }));
    expect(printed).toContain('"cacheMaxAge":"60000ms"');
    const yaml = join(folder, 'fanfare.yaml');
    writeFileSync(yaml, printed.replaceAll(/^.*(: \(hidden\) +#.*| # default)$/gm, ''));
    const again = effectiveConfig(loadConfig({ role, env: { ...secrets, FANFARE_CONFIG: yaml }, openFiles: 100_000 }));
    const values = (text: string) => text.replaceAll(/ +# .*$/gm, '').split('\n');
    expect(values(again)).toEqual(values(printed));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([
  ['redis://user:s3/hunter2@redis:6379/0', 'redis://(hidden)@redis:6379/0'],
  ['redis://user:hunter@2@redis:6379/0', 'redis://(hidden)@redis:6379/0'],
  ['redis://user:hunter?2@redis', 'redis://(hidden)@redis'],
  ['redis://:hunter2/0', 'redis://(hidden)/0'],
  [
    'redis+sentinel://:hunter2@a,b:26379/main?sentinelPassword=hunter2&db=1',
    /^redis\+sentinel:\/\/\(hidden\)@a,b:26379\/main\?/,
  ],
  ['https://id.example/jwks?api_key=hunter2', 'https://id.example/jwks?api_key=(hidden)'],
  ['redis+cluster://[::1]:7000,b:7001', 'redis+cluster://[::1]:7000,b:7001'],
  ['no URL', 'no URL'],
])('shows no part of the password in %s', (url, shown) => {
  if (typeof shown === 'string') expect(maskedUrl(url)).toBe(shown);
  else expect(maskedUrl(url)).toMatch(shown);
  expect(maskedUrl(url)).not.toMatch(/hunter|s3/);
});

it.each([
  ['FANFARE_AUTH_JWKS_URL', 'https://app:hunter2@id.example/jwks'],
  ['FANFARE_NODE_URL', 'https://app:hunter2@n1.example'],
])('shows none in what is wrong with %s', (name, value) => {
  const load = () => loadConfig({ role: 'start', env: { [name]: value }, openFiles: 100_000 });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(/\(hidden\)@/);
  expect(load).not.toThrow(/hunter2/);
});

it('has a row of the docs table for every option', () => {
  const rows = optionTable().split('\n').slice(2);
  expect(rows).toHaveLength(OPTION_KEYS.length);
  expect(rows[0]).toContain('| `FANFARE_HOST` | `--host` | `host` | all | `0.0.0.0`; `127.0.0.1` in `start` |');
});
