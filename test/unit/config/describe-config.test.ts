// What people are shown of the configuration: values with their sources, secrets masked.

import { expect, it } from 'vitest';
import { effectiveConfig, maskedUrl, optionTable } from '../../../src/config/describe-config.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { OPTION_KEYS } from '../../../src/config/schema.js';

it('prints each value of the role with its source, and no secret', () => {
  const env = {
    FANFARE_REDIS_URL: 'redis://app:hunter2@redis:6379/0',
    FANFARE_AUTH_SECRET: 'hunter2'.repeat(6),
    FANFARE_CLUSTER_SECRET: 'hunter2'.repeat(7),
    FANFARE_ADMIN_KEY: 'hunter2'.repeat(8),
    FANFARE_PUBLISH_KEY: 'hunter2'.repeat(9),
    FANFARE_AUTH_JWKS_URL: 'https://app:hunter2@id.example/jwks?secret=hunter2',
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

it('masks passwords in the user part and in the query', () => {
  expect(maskedUrl('redis+sentinel://:pw@a,b/main?sentinelPassword=pw&db=1')).toBe(
    'redis+sentinel://(hidden)@a,b/main?sentinelPassword=(hidden)&db=1',
  );
});

it('has a row of the docs table for every option', () => {
  const rows = optionTable().split('\n').slice(2);
  expect(rows).toHaveLength(OPTION_KEYS.length);
  expect(rows[0]).toContain('| `FANFARE_HOST` | `--host` | `host` | all | `0.0.0.0`; `127.0.0.1` in `start` |');
});
