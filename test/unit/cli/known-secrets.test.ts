// What is signed with a secret that anybody can read in this repository is taken by nobody, but for a first try.

import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ticketKey } from '../../../src/auth/ticket-key.js';
import { composeAuth } from '../../../src/cli/compose-auth.js';
import { composeDiscovery } from '../../../src/cli/compose-discovery.js';
import { createMemoryRegistry } from '../../../src/cluster/memory-registry.js';
import { createMemoryRevocations } from '../../../src/cluster/memory-revocations.js';
import { Revocations } from '../../../src/cluster/revocations.js';
import { BEYOND_FIRST_TRY, DEVELOPMENT_SECRET } from '../../../src/config/development.js';
import { type LoadedConfig, loadConfig } from '../../../src/config/load-config.js';
import { Namespaces } from '../../../src/config/namespaces.js';
import { envName, type Role } from '../../../src/config/option-info.js';
import { infoOf, OPTION_KEYS, type OptionKey } from '../../../src/config/schema.js';
import { silentLogger } from '../../../src/lib/logger.js';
import { makeCertificates } from '../../support/certificates.js';
import { codeOf, hs256 } from '../auth/jwt.js';
import { knownTexts } from './known-texts.js';

const KNOWN = knownTexts();
/** Those that their writers meant as secrets: each of them is tried. */
const NAMED = [...KNOWN].filter((text) => /^[\w.-]+$/.test(text) && /secret|key|token|ticket/i.test(text));
const directory = mkdtempSync(join(tmpdir(), 'fanfare-known-secrets-'));
const certificates = makeCertificates(['DNS:localhost']);
afterAll(() => {
  rmSync(directory, { recursive: true });
  certificates.remove();
});

const own = (letter: string): string => letter.repeat(40);
const pem = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString();

/** Each option that counts, with its default where there is one: who writes it down has something in mind. */
const COUNTS: Readonly<Partial<Record<OptionKey, string>>> = {
  authSecret: own('a'),
  authPublicKey: pem,
  authJwksUrl: 'https://id.example/jwks',
  clusterSecret: own('c'),
  adminKey: own('d'),
  publishKey: own('p'),
  origins: 'loopback',
  insecureAnyOrigin: 'false',
  nodeUrl: 'http://127.0.0.1:8080',
  redisUrl: 'redis://127.0.0.1:6379',
  trustedProxies: '127.0.0.1',
  namespaces: '{}',
  channelsUrl: 'https://cache.example',
  tlsCert: certificates.server.certificate,
  tlsKey: certificates.server.key,
};
/** What an option is of no use without. */
const TOGETHER: Readonly<Partial<Record<OptionKey, Readonly<Partial<Record<OptionKey, string>>>>>> = {
  redisUrl: { clusterSecret: own('r') },
  tlsCert: { tlsKey: certificates.server.key },
  tlsKey: { tlsCert: certificates.server.certificate },
};

/** Of use beside a Redis URL alone, which counts. */
const OF_REDIS: readonly OptionKey[] = ['redisCa', 'redisCert', 'redisKey', 'redisSentinelAuth'];

/** Each option that does not count, with a value that a first try may well have. */
const HARMLESS: Readonly<Partial<Record<OptionKey, string>>> = {
  ...{
    host: '127.0.0.2',
    port: '0',
    opsHost: '127.0.0.1',
    opsPort: '0',
    prefix: 'fanfare',
    nodeId: 'one',
    engine: 'ws',
    redisPushReader: 'false',
    clockTolerance: '3s',
    logLevel: 'debug',
  },
  ...{
    authAlgorithms: 'HS256',
    authIssuer: 'me',
    authAudience: 'us',
    allowUserTokens: 'true',
    allowStarGrant: 'false',
  },
  ...{
    ticketTtl: '10m',
    maxConnections: '10',
    maxConnectsPerSecond: '10',
    channelsPerConnection: '8',
    maxChannels: '9',
  },
  ...{ waitReplicas: '0', maxMessageBytes: '2kb', maxFrameBytes: '64kb', maxBodyBytes: '1mb', maxBufferedBytes: '1mb' },
  ...{ maxHistoryMemory: '1gb', revocationFalsePositives: '0.01' },
  ...{ maxMemoryBytes: '1gb', heartbeat: '2s', handshakeTimeout: '1s', drainTimeout: '1s', drainDelay: '1s' },
  ...{ limits: '{"openings":{"burst":300}}' },
  ...{ commandsPerSecond: '5', commandBurst: '50', pollsPerSecond: '5', pollBurst: '50' },
  ...{
    linksPerUser: '10',
    connectsPerUser: '1000',
    connectsPerIp: '0',
    handshakesPerIp: '0',
    maxBufferedTotal: '64mb',
  },
};

interface Row {
  readonly title: string;
  readonly role: Role;
  readonly env: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string>>;
}

function envOf(options: Readonly<Partial<Record<OptionKey, string>>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [envName(key), value]));
}

const WITH_REDIS = envOf({ redisUrl: COUNTS.redisUrl ?? '', clusterSecret: own('r') });

/** The option written down in every place where it can be. */
function rowsOf(option: OptionKey, value: string): Row[] {
  const more = envOf(TOGETHER[option] ?? {});
  const role = 'start';
  const rows: Row[] = [
    { title: `with ${option} as a variable`, role, env: { ...more, [envName(option)]: value } },
    { title: `with ${option} as a flag`, role, env: more, flags: { [option]: value } },
  ];
  const yaml = join(directory, `${option}.yaml`);
  writeFileSync(yaml, `${option}: ${JSON.stringify(value)}\n`);
  rows.push({ title: `with ${option} in the config file`, role, env: { ...more, FANFARE_CONFIG: yaml } });
  if (infoOf(option).fromFile !== true) return rows;
  const path = join(directory, option);
  writeFileSync(path, `${value}\n`);
  writeFileSync(yaml.replace('.yaml', '-file.yaml'), `${option}File: ${JSON.stringify(path)}\n`);
  const fromYaml = { FANFARE_CONFIG: yaml.replace('.yaml', '-file.yaml') };
  rows.push({ title: `with ${option} in a file`, role, env: { ...more, [`${envName(option)}_FILE`]: path } });
  rows.push({ title: `with a file for ${option} in the config file`, role, env: { ...more, ...fromYaml } });
  return rows;
}

const EARNEST: readonly Row[] = [
  ...Object.entries(COUNTS).flatMap(([option, value]) => rowsOf(option as OptionKey, value)),
  ...['192.0.2.1', '::ffff:127.0.0.1', 'localhost.example'].map(
    (host): Row => ({ title: `on the host ${host}`, role: 'start', env: { FANFARE_HOST: host } }),
  ),
  { title: 'on every address', role: 'start', env: { FANFARE_HOST: '0.0.0.0', FANFARE_NODE_URL: 'http://a.example' } },
  {
    title: 'in production',
    role: 'start',
    env: { NODE_ENV: 'production', ...envOf({ authSecret: own('a'), clusterSecret: own('c') }) },
  },
  { title: 'with Redis and a secret of tokens', role: 'start', env: { ...WITH_REDIS, FANFARE_AUTH_SECRET: own('a') } },
  { title: 'of a cluster', role: 'discovery', env: { ...WITH_REDIS, FANFARE_AUTH_SECRET: own('a') } },
  { title: 'with a key set', role: 'discovery', env: { ...WITH_REDIS, FANFARE_AUTH_JWKS_URL: 'https://id.example/k' } },
  { title: 'of a cluster', role: 'node', env: { ...WITH_REDIS, FANFARE_NODE_URL: 'http://a.example' } },
  {
    title: 'that takes tokens',
    role: 'node',
    env: { ...WITH_REDIS, ...envOf({ host: '127.0.0.1', authSecret: own('a'), allowUserTokens: 'true' }) },
  },
];

const FIRST_TRIES: readonly Row[] = [
  { title: 'without anything', role: 'start', env: {} },
  { title: 'with a variable that is empty', role: 'start', env: { FANFARE_ORIGINS: '', FANFARE_AUTH_SECRET: '' } },
  ...['localhost', '::1'].map((host): Row => ({ title: `on ${host}`, role: 'start', env: { FANFARE_HOST: host } })),
  ...Object.entries(HARMLESS).map(
    ([option, value]): Row => ({
      title: `with ${option}`,
      role: 'start',
      env: { [envName(option)]: value, ...(option === 'opsHost' && { FANFARE_OPS_PORT: '0' }) },
    }),
  ),
];

/** What a process with this configuration verifies with: a node's doors, and discovery's. */
function doorsOf(loaded: LoadedConfig) {
  const auth = composeAuth(loaded, silentLogger);
  const log = createMemoryRevocations();
  const revocations = new Revocations({ log, member: 'd1', falsePositives: 0.001, logger: silentLogger });
  const parts = { registry: createMemoryRegistry(), auth, revocations, sharedLimits: undefined, logger: silentLogger };
  const discovery = composeDiscovery(loaded.config, { ...parts, namespaces: new Namespaces(loaded.config.namespaces) });
  return {
    node: (text: string) => codeOf(() => auth.authenticator.verify(text, false)),
    discovery: (text: string) => codeOf(() => auth.tokens?.verify(text, false) ?? Promise.reject({ code: 'none' })),
    /** The whole way through `POST /v1/connect`; there is no node to assign. */
    async connect(text: string): Promise<number> {
      const request = new Request('http://localhost/v1/connect', {
        method: 'POST',
        headers: { Authorization: `Bearer ${text}` },
      });
      return (await discovery(request, { remoteAddress: '127.0.0.1' })).status;
    },
    close: () => discovery.close(),
  };
}

const iat = Math.floor(Date.now() / 1000);
const TICKET = { alg: 'HS256', typ: 'fanfare-ticket+jwt' };
const TOKEN = { alg: 'HS256', typ: 'JWT' };

/** All that a secret can be made to sign. */
function forgeries(secret: string, { prefix, authIssuer: iss, authAudience: aud }: LoadedConfig['config']) {
  const grants = { subscribe: ['news'], publish: ['news'], presence: [] };
  const claims = { sub: 'admin', iat, exp: iat + 600, fanfare: grants };
  const ticket = { ...claims, v: 2, iss: 'fanfare', aud: `fanfare:${prefix}`, connection: 'c1' };
  const token = { ...claims, iss, aud };
  return {
    token: hs256(token, TOKEN, secret),
    ticket: hs256(ticket, TICKET, ticketKey(secret)),
    ticketByText: hs256(ticket, TICKET, secret),
    tokenByKey: hs256(token, TOKEN, ticketKey(secret)),
  };
}

const load = ({ role, env, flags = {} }: Row): LoadedConfig => loadConfig({ role, env, flags, openFiles: 100_000 });
const SIGNATURE = /^(token_signature_invalid|token_alg_not_allowed|wrong_token_kind|none)$/;

it('every option is one that counts or one that does not', () => {
  expect([...BEYOND_FIRST_TRY].sort()).toEqual(Object.keys(COUNTS).sort());
  const told = [...Object.keys(COUNTS), ...Object.keys(HARMLESS), ...OF_REDIS];
  expect(told.sort()).toEqual([...OPTION_KEYS].sort());
});

it('the texts that are tried hold those of the source, the docs and the tests', () => {
  expect(KNOWN.size).toBeGreaterThan(100);
  expect(NAMED).toContain(DEVELOPMENT_SECRET);
  expect(NAMED).toContain('a-secret-of-at-least-thirty-two-bytes');
});

describe.each(EARNEST)('$role $title', (row) => {
  it('refuses what any known secret has signed', async () => {
    const loaded = load(row);
    const doors = doorsOf(loaded);
    const held = [loaded.config.authSecret, loaded.config.clusterSecret].flat();
    expect(held.filter((secret) => secret !== undefined && KNOWN.has(secret))).toEqual([]);
    for (const secret of NAMED) {
      const signed = Object.entries(forgeries(secret, loaded.config));
      for (const [kind, text] of signed) {
        expect([kind, secret, await doors.node(text)]).toEqual([kind, secret, expect.stringMatching(SIGNATURE)]);
        expect([kind, secret, await doors.discovery(text)]).toEqual([kind, secret, expect.stringMatching(SIGNATURE)]);
      }
    }
    for (const text of Object.values(forgeries(DEVELOPMENT_SECRET, loaded.config))) {
      expect(await doors.connect(text)).toBe(401);
    }
    doors.close();
  });

  it('opens namespaces to everybody only where start made the secret of tokens', () => {
    const { config, made } = load(row);
    const open = Object.entries(config.namespaces).filter(([, options]) => options.anonymous === true);
    expect(open.map(([name]) => name)).toEqual(made.authSecret === 'random' ? ['public', 'demo'] : []);
    expect(config.allowStarGrant).toBe(made.authSecret === 'random');
    const keys = [config.authSecret, config.authPublicKey, config.authJwksUrl];
    const configured = keys.some((key) => key !== undefined) && made.authSecret === undefined;
    expect(configured || row.role === 'node').toBe(made.authSecret === undefined);
  });

  it('says which secrets were made at random, and makes others each time', () => {
    const [one, two] = [load(row), load(row)];
    for (const key of ['authSecret', 'clusterSecret'] as const) {
      const said = one.notes.some((note) => note.startsWith('made at random') && note.includes(key));
      expect([key, said]).toEqual([key, one.made[key] === 'random']);
      expect(one.made[key]).not.toBe('built-in');
      if (one.made[key] === undefined) continue;
      expect([one.config[key]].flat()[0]?.length).toBe(64);
      expect(one.config[key]).not.toEqual(two.config[key]);
    }
    if (one.made.authSecret !== undefined) expect(one.config.clusterSecret).not.toContain(one.config.authSecret?.[0]);
  });
});

describe.each(FIRST_TRIES)('start $title', (row) => {
  it('takes tokens and tickets of the development secret, each in its own place, and says so', async () => {
    const loaded = load(row);
    expect(loaded.made).toEqual({ authSecret: 'built-in', clusterSecret: 'built-in' });
    expect(loaded.notes.filter((note) => note.includes('development secret'))).toHaveLength(1);
    expect(Object.keys(loaded.config.namespaces)).toEqual(['public', 'demo']);
    const doors = doorsOf(loaded);
    const { token, ticket, ticketByText, tokenByKey } = forgeries(DEVELOPMENT_SECRET, loaded.config);
    expect([await doors.node(token), await doors.discovery(token)]).toEqual(['accepted', 'accepted']);
    expect([await doors.node(ticket), await doors.discovery(ticket)]).toEqual(['accepted', 'wrong_token_kind']);
    for (const text of [ticketByText, tokenByKey]) expect(await doors.node(text)).toBe('token_signature_invalid');
    expect(await doors.connect(token)).toBe(503);
    doors.close();
  });
});

it('no role takes the development secret as its own', () => {
  const env = envOf({ authSecret: DEVELOPMENT_SECRET, clusterSecret: DEVELOPMENT_SECRET, host: '127.0.0.1' });
  for (const role of ['start', 'node', 'discovery'] as const) {
    const row = { title: '', role, env: { ...env, FANFARE_REDIS_URL: COUNTS.redisUrl ?? '' } };
    expect(() => load(row)).toThrow(/built-in development secret/);
  }
});
