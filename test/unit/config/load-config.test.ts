// Loading the configuration: precedence, sources, defaults per role, and every mistake at once.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConfigInput, loadConfig } from '../../../src/config/load-config.js';
import { mistakes } from '../../support/config-mistakes.js';

const directory = mkdtempSync(join(tmpdir(), 'fanfare-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function load(input: Partial<ConfigInput>) {
  return loadConfig({ role: 'start', env: {}, openFiles: 100_000, ...input });
}

const NODE_ENV = {
  FANFARE_REDIS_URL: 'redis://127.0.0.1:6379',
  FANFARE_CLUSTER_SECRET: 'c'.repeat(32),
  FANFARE_NODE_URL: 'http://a.example:8080',
};

describe('precedence', () => {
  const path = file('precedence.yaml', 'port: 1001\nengine: ws\nlogLevel: warn\n');
  const env = { FANFARE_CONFIG: path, FANFARE_PORT: '1002', FANFARE_ENGINE: 'uws' };

  it('takes a flag before a variable before the file before the default', () => {
    const { config, sources } = load({ env, flags: { port: '1003' } });
    expect([config.port, config.engine, config.logLevel, config.prefix]).toEqual([1003, 'uws', 'warn', 'fanfare']);
    expect([...'port engine logLevel prefix'.split(' ')].map((key) => sources.get(key as 'port'))).toEqual([
      'flag --port',
      'env FANFARE_ENGINE',
      `${path}:3:11`,
      'default',
    ]);
  });

  it('counts an empty variable as not set', () => {
    expect(load({ env: { FANFARE_PORT: '' } }).config.port).toBe(8080);
  });

  it('takes --config before FANFARE_CONFIG', () => {
    const other = file('other.yaml', 'port: 1004\n');
    expect(load({ env: { FANFARE_CONFIG: path }, flags: { config: other } }).config.port).toBe(1004);
  });

  it('judges only the value that wins', () => {
    expect(load({ env: { FANFARE_PORT: 'abc' }, flags: { port: '1' } }).config.port).toBe(1);
  });
});

describe('values', () => {
  it('reads durations and sizes with their units', () => {
    const { config } = load({
      flags: { heartbeat: '2.5s', ticketTtl: '30m', maxFrameBytes: '128kb', maxMessageBytes: '2048' },
    });
    expect(config).toMatchObject({
      heartbeat: 2500,
      ticketTtl: 1_800_000,
      maxFrameBytes: 131_072,
      maxMessageBytes: 2048,
    });
  });

  it('reads lists as text or YAML', () => {
    const path = file('lists.yaml', 'origins: [https://a.example, "http://b.example:81"]\n');
    expect(load({ flags: { config: path } }).config.origins).toEqual(['https://a.example', 'http://b.example:81']);
    expect(load({ flags: { origins: 'https://a.example, loopback' } }).config.origins).toEqual([
      'https://a.example',
      'loopback',
    ]);
  });

  it('reads what an alias in YAML stands for, as a whole and in part', () => {
    const path = file(
      'alias.yaml',
      'port: &p 1005\nopsPort: *p\nnamespaces:\n  chat: &c {historySize: 7}\n  talk: *c\n',
    );
    const found = mistakes({ flags: { config: path } });
    // The same port twice is what there is to say of it.
    expect(found).toEqual([expect.stringMatching(/^opsPort \(.*alias\.yaml:2:10\): got 1005, which is port/)]);
    const { config } = load({ flags: { config: path, opsPort: '1006' } });
    expect(config.namespaces).toMatchObject({ chat: { historySize: 7 }, talk: { historySize: 7 } });
  });

  it('names the place of an alias that stands for nothing, or for too much', () => {
    const path = file('unknown.yaml', 'port: *p\nengine: ws\n');
    expect(mistakes({ flags: { config: path } })).toEqual([
      expect.stringMatching(/unknown\.yaml:1:7\): .*alias.*: p/i),
    ]);
    const laughs = Array.from({ length: 9 }, (_, n) => `n${n + 1}: &n${n + 1} [${`*n${n}, `.repeat(9)}]`).join('\n  ');
    const large = file('laughs.yaml', `namespaces:\n  n0: &n0 [1]\n  ${laughs}\n`);
    expect(mistakes({ flags: { config: large } })).toEqual([expect.stringMatching(/laughs\.yaml:2:3\): .*alias/i)]);
  });

  it('reads a secret from the file that a _FILE variable names, without the line break at its end', () => {
    const path = file('secret', `${'s'.repeat(40)}\n`);
    const { config, sources } = load({ env: { FANFARE_AUTH_SECRET_FILE: path } });
    expect(config.authSecret).toEqual(['s'.repeat(40)]);
    expect(sources.get('authSecret')).toBe(`env FANFARE_AUTH_SECRET_FILE ${path}`);
  });

  it('merges namespaces over those that start opens, each by itself', () => {
    const env = { FANFARE_NAMESPACES: '{"demo":{"historyTtl":"1h"},"chat":{"historySize":5}}' };
    const { config, sources } = load({ env });
    expect(sources.get('namespaces')).toBe('env FANFARE_NAMESPACES, and the open ones of start');
    expect(config.namespaces).toEqual({
      public: { public: true, anonymous: true, clientPublish: true },
      demo: { public: true, anonymous: true, clientPublish: true, historyTtlMs: 3_600_000 },
      chat: { historySize: 5 },
    });
  });
});

describe('defaults of each role', () => {
  it('makes start a safe first try: loopback, user tokens', () => {
    expect(load({}).config).toMatchObject({ host: '127.0.0.1', origins: ['loopback'], allowUserTokens: true });
  });

  it('tells a node and discovery all that they need at once', () => {
    expect(mistakes({ role: 'node' })).toEqual([
      expect.stringMatching(/^clusterSecret \(not set\): needed by node/),
      expect.stringMatching(/^redisUrl \(not set\): needed by node: set FANFARE_REDIS_URL, for example redis:/),
      expect.stringMatching(/^nodeUrl \(not set\): needed on host 0\.0\.0\.0: .* for example http:\/\/[\d.]+:8080$/),
    ]);
    expect(mistakes({ role: 'discovery' }).map((line) => line.split(' ')[0])).toEqual([
      'authSecret',
      'clusterSecret',
      'redisUrl',
    ]);
  });

  it('refuses start on a wildcard host without a URL for clients', () => {
    expect(mistakes({ flags: { host: '0.0.0.0' } })).toEqual([expect.stringMatching(/^nodeUrl \(not set\)/)]);
  });

  it('hands a URL for clients on as a parser writes it', () => {
    const urlOf = (nodeUrl: string) => load({ flags: { nodeUrl } }).config.nodeUrl;
    expect(urlOf(' HTTP://Push.Example:80/Base// ')).toBe('http://push.example/Base');
    expect(urlOf('https://bücher.example')).toBe('https://xn--bcher-kva.example');
  });

  it('refuses start on an address with a zone, which is no part of a URL, without a URL for clients', () => {
    expect(mistakes({ flags: { host: 'fe80::1%eth0' } })).toEqual([expect.stringMatching(/^nodeUrl \(not set\)/)]);
  });

  it('refuses an address where one listens as a URL for clients', () => {
    for (const nodeUrl of ['http://0.0.0.0:8081', 'http://[::]:8081'])
      expect(mistakes({ flags: { nodeUrl } })).toEqual([
        expect.stringMatching(/^nodeUrl \(flag --node-url\): .*where one listens.*for example http:/),
      ]);
    expect(mistakes({ flags: { host: '0.0.0.0', nodeUrl: 'http://[::1]:8081' } })).toEqual([]);
  });

  it('names a file that cannot be read, and not also what would have stood in it', () => {
    const env = { ...NODE_ENV, FANFARE_AUTH_SECRET_FILE: '/nowhere' };
    expect(mistakes({ role: 'discovery', env })).toEqual([expect.stringMatching(/^authSecretFile .*cannot read/)]);
  });

  it('warns where any token of a key is taken', () => {
    const env = { ...NODE_ENV, FANFARE_AUTH_SECRET: 'a'.repeat(32) };
    expect(load({ role: 'discovery', env }).warnings).toEqual([expect.stringContaining('neither authIssuer nor')]);
    expect(load({ role: 'discovery', env: { ...env, FANFARE_AUTH_ISSUER: 'me' } }).warnings).toEqual([]);
  });
});

describe('the port of operators', () => {
  const flags = { opsPort: '9080' };

  it('is on this machine alone unless told, and is none by default', () => {
    expect(load({ flags }).config).toMatchObject({ opsHost: '127.0.0.1', opsPort: 9080 });
    expect(load({}).config.opsPort).toBeUndefined();
  });

  it('is open to others only with a key that they must show', () => {
    const open = { ...flags, opsHost: '0.0.0.0' };
    expect(mistakes({ flags: open })).toEqual([
      expect.stringMatching(/^opsHost \(flag --ops-host\): got 0\.0\.0\.0, .* set FANFARE_ADMIN_KEY/),
    ]);
    expect(mistakes({ flags: { ...open, adminKey: 'k'.repeat(32) } })).toEqual([]);
    expect(mistakes({ flags: { ...open, adminKey: 'short' } })).toEqual([expect.stringMatching(/^adminKey/)]);
  });

  it('is not that of clients, and an address is none without it', () => {
    expect(mistakes({ flags: { opsPort: '9080', port: '9080' } })).toEqual([
      expect.stringMatching(/^opsPort .* which is port \(flag --port\): expected another one$/),
    ]);
    expect(mistakes({ flags: { opsPort: '9080', port: '9080', host: '127.0.0.2' } })).toEqual([]);
    expect(mistakes({ flags: { opsPort: '0', port: '0' } })).toEqual([]);
    expect(mistakes({ flags: { opsHost: '127.0.0.1' } })).toEqual([
      expect.stringMatching(/^opsHost .*: nothing listens there without a port: set FANFARE_OPS_PORT$/),
    ]);
  });
});

describe('the delay of a drain', () => {
  const NODE = { role: 'node', env: NODE_ENV } as const;

  it('is 5 s of the 25 s that a drain may take, and none in start', () => {
    expect(load(NODE).config).toMatchObject({ drainDelay: 5_000, drainTimeout: 25_000 });
    expect(load({}).config).toMatchObject({ drainDelay: 0, drainTimeout: 25_000 });
  });

  it('is no longer than a drain that was configured to be short', () => {
    const { config, sources } = load({ ...NODE, flags: { drainTimeout: '2s' } });
    expect([config.drainDelay, sources.get('drainDelay')]).toEqual([2_000, 'from drainTimeout']);
  });

  it('is refused where it was configured to be longer', () => {
    expect(mistakes({ ...NODE, flags: { drainTimeout: '2s', drainDelay: '3s' } })).toEqual([
      expect.stringMatching(/^drainDelay \(flag --drain-delay\): got 3000 ms, expected at most drainTimeout/),
    ]);
  });
});

describe('the file-descriptor limit', () => {
  it('caps the connections, and says so', () => {
    const { config, notes, sources } = load({ openFiles: 1024 });
    expect(config.maxConnections).toBe(512);
    expect(notes).toContain('maxConnections is 512: the limit of 1024 open files less 512');
    expect(sources.get('maxConnections')).toBe('from the limit of 1024 open files');
  });

  it('refuses more connections than it allows, showing both numbers', () => {
    expect(mistakes({ openFiles: 1024, flags: { maxConnections: '20000' } })).toEqual([
      expect.stringMatching(/^maxConnections \(flag --max-connections\): got 20000, expected at most 512: .* 1024 /),
    ]);
  });
});
