// Mistakes in the configuration: each gets a line that names the option, its source, what came and what would be valid.

import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cannotRead } from '../../../src/config/config-problem.js';
import { DEVELOPMENT_SECRET } from '../../../src/config/development.js';
import { mistakes } from '../../support/config-mistakes.js';

const directory = mkdtempSync(join(tmpdir(), 'fanfare-bad-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function yaml(content: string): string[] {
  const path = join(directory, 'fanfare.yaml');
  writeFileSync(path, content);
  return mistakes({ flags: { config: path } }).map((line) => line.replace(`${directory}/`, ''));
}

const flag = (name: string, value: unknown) => mistakes({ flags: { [name]: value } });

describe('names', () => {
  it('suggests what was meant, in the spelling of the place', () => {
    expect(yaml('maxConections: 5\n')).toEqual([
      'maxConections (fanfare.yaml:1:1): unknown setting "maxConections", did you mean "maxConnections"?',
    ]);
    expect(yaml('\nmax-connections: 5\n')).toEqual([
      'max-connections (fanfare.yaml:2:1): unknown setting "max-connections", did you mean "maxConnections"?',
    ]);
    expect(mistakes({ env: { FANFARE_ORIGIN: 'x' } })).toEqual([
      'FANFARE_ORIGIN (env): unknown setting "FANFARE_ORIGIN", did you mean "FANFARE_ORIGINS"?',
    ]);
    expect(mistakes({ unknownFlags: ['--prot=80'] })).toEqual([
      '--prot (flag): unknown setting "--prot", did you mean "--port"?',
    ]);
  });

  it('suggests nothing for a name that is near to none', () => {
    expect(yaml('colour: red\n')).toEqual(['colour (fanfare.yaml:1:1): unknown setting "colour"']);
    expect(mistakes({ env: { FANFARE_DIR: '/srv' } })).toEqual([
      'FANFARE_DIR (env): unknown setting "FANFARE_DIR"; variables of your own need names that do not begin with FANFARE_',
    ]);
  });

  it('names the roles of a flag that another command has', () => {
    expect(mistakes({ role: 'start', unknownFlags: ['--node-id'] })).toEqual([
      '--node-id (flag): an option of start and node only',
    ]);
  });

  it('leaves alone what Kubernetes sets beside a service called fanfare', () => {
    const env = {
      FANFARE_PORT: 'tcp://10.0.0.1:8080',
      FANFARE_NODE_PORT: 'tcp://10.0.0.2:8080',
      FANFARE_SERVICE_HOST: '10.0.0.1',
      FANFARE_PORT_8080_TCP_ADDR: '10.0.0.1',
      FANFARE_REDIS_SERVICE_PORT: '1',
    };
    expect(mistakes({ env })).toEqual([]);
  });
});

describe('values', () => {
  it.each([
    ['port', '70000', 'got "70000", expected a whole number 0..65535'],
    ['port', 'abc', 'got "abc", expected a whole number 0..65535'],
    ['port', '', 'got "", expected a whole number 0..65535'],
    ['port', true, 'got true, expected a whole number 0..65535'],
    ['engine', 'uvs', 'got "uvs", expected one of auto, uws, ws, did you mean "uws"?'],
    ['heartbeat', '25', 'got "25", expected a duration with its unit (ms, s, m, h) 1s..60s'],
    ['heartbeat', '2h', 'got "2h", expected a duration with its unit (ms, s, m, h) 1s..60s'],
    ['maxFrameBytes', '64tb', 'got "64tb", expected a size in bytes or with a unit (b, kb, mb, gb) 1kb..4mb'],
    ['allowUserTokens', 'maybe', 'got "maybe", expected true or false'],
    ['prefix', 'a b', 'got "a b", expected a letter, then up to 31 of a-z 0-9 _'],
    ['nodeUrl', 'ws://a', 'got "ws://a", expected an http:// or https:// URL without user, query and fragment'],
    [
      'authJwksUrl',
      'http://id.example',
      'got "http://id.example", expected an https:// URL without user (http:// only on this machine)',
    ],
    [
      'trustedProxies',
      '10.0.0.0/99',
      'got "10.0.0.0/99" in the list, expected IP addresses or networks such as 10.0.0.0/8',
    ],
    ['namespaces', '{', 'got "{", expected a JSON map, such as {"default":{"historySize":100}}'],
    ['namespaces', '[]', 'got "[]", expected a map'],
    ['namespaces', '{"__proto__":{"historySize":1}}', 'got a map, expected another name'],
    ['limits', '{"__proto__":{"rate":"1/s"}}', 'got a map, expected another name'],
    ['namespaces', '{"chat":{"__proto__":1}}', 'got 1, expected another name'],
    ['nodeId', '..', 'got "..", expected 1 to 64 of A-Z a-z 0-9 _ . -, not "." or ".."'],
  ])('refuses %s %j', (name, value, message) => {
    const lines = flag(name, value);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`): ${message}`);
  });

  it.each([
    ['app.example.com', /expected origins as browsers send them/],
    ['https://app.example.com/', /expected origins as browsers send them/],
    ['https://app.example.com:443', /did you mean "https:\/\/app\.example\.com"\?/],
    ['null', /expected origins as browsers send them/],
    ['*', /got "\*", expected exact origins; insecureAnyOrigin allows it/],
  ])('refuses the origin %s', (origin, message) => {
    expect(flag('origins', origin)).toEqual([expect.stringMatching(message)]);
  });

  it('takes any origin where the insecure option says so', () => {
    expect(mistakes({ flags: { origins: '*', insecureAnyOrigin: true } })).toEqual([]);
  });

  it('points into the namespaces of a file', () => {
    expect(yaml('namespaces:\n  chat:\n    historySize: 0\n    histryTtl: 5m\n    slowConsumer: drop\n')).toEqual([
      'namespaces.chat.historySize (fanfare.yaml:3:18): got 0, expected a whole number 1..10000',
      'namespaces.chat.slowConsumer (fanfare.yaml:5:19): got "drop", expected one of disconnect, conflate',
      'namespaces.chat.histryTtl (fanfare.yaml:4:16): unknown setting "histryTtl", did you mean "historyTtl"?',
    ]);
    expect(yaml('namespaces:\n  a:b: {}\n  chat: 5\n')).toEqual([
      'namespaces.a:b (fanfare.yaml:2:8): got the name "a:b", expected a name of A-Z a-z 0-9 _ . @ = + ~ - only',
      'namespaces.chat (fanfare.yaml:3:9): got 5, expected a map',
    ]);
  });

  it('refuses a burst in which a command or poll of all its channels never fits, showing both', () => {
    const rest = 'what names 128 channels (default) costs 12.8 at once';
    expect(mistakes({ flags: { pollBurst: '5', commandBurst: '12' } }).sort()).toEqual([
      `commandBurst (flag --command-burst): got 12, expected at least 13: ${rest}`,
      `pollBurst (flag --poll-burst): got 5, expected at least 13: ${rest}`,
    ]);
    expect(mistakes({ flags: { pollBurst: '5', commandBurst: '5', channelsPerConnection: '50' } })).toEqual([]);
  });

  it('refuses what a namespace cannot have', () => {
    const namespaces = '{"chat":{"presence":true},"feed":{"conflate":"newest","conflateBy":"id"}}';
    expect(flag('namespaces', namespaces)).toEqual([
      'namespaces (flag --namespaces): got presence true in "chat", which is not served yet: leave it out',
      'namespaces (flag --namespaces): got conflate and conflateBy in "feed", expected one of them',
    ]);
    expect(flag('namespaces', '{"chat":{"presence":false,"slowConsumer":"conflate"}}')).toEqual([]);
  });

  it('refuses a message limit over the frame limit, showing both', () => {
    expect(mistakes({ flags: { maxMessageBytes: '128kb' } })).toEqual([
      'maxMessageBytes (flag --max-message-bytes): got 131072, expected at most maxFrameBytes, which is 65536 (default): a client could not publish it',
    ]);
  });
});

describe('files', () => {
  it('names a missing file', () => {
    expect(flag('config', '/nowhere.yaml')).toEqual([
      'config (flag --config): cannot read "/nowhere.yaml": there is no such file',
    ]);
    expect(mistakes({ env: { FANFARE_CLUSTER_SECRET_FILE: '/nowhere' } })).toEqual([
      'clusterSecretFile (env FANFARE_CLUSTER_SECRET_FILE): cannot read "/nowhere": there is no such file',
    ]);
  });

  it('says that a folder is one', () => {
    expect(flag('config', directory)[0]).toMatch(/: it is a folder$/);
  });

  it('says that a file may not be read', () => {
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    expect(cannotRead('/etc/secret', denied)).toBe('cannot read "/etc/secret": it may not be read');
  });

  it('gives line and column of what is no YAML', () => {
    expect(yaml('port: 1\nhost: [a\n')[0]).toMatch(/^config \(fanfare\.yaml:3:1\): /);
    expect(yaml('port: 1\nport: 2\n')[0]).toMatch(/^config \(fanfare\.yaml:2:1\): Map keys must be unique/);
    expect(yaml('- a\n')).toEqual(['config (fanfare.yaml:1:1): got a list, expected a map of options']);
  });

  it('refuses a key without a value', () => {
    expect(yaml('port:\n')).toEqual(['port (fanfare.yaml:1:6): got nothing, expected a whole number 0..65535']);
  });

  it('refuses a secret that is given twice in one place', () => {
    const env = { FANFARE_ADMIN_KEY: 'x'.repeat(20), FANFARE_ADMIN_KEY_FILE: '/x' };
    expect(mistakes({ env })).toEqual([
      'adminKey (env FANFARE_ADMIN_KEY, env FANFARE_ADMIN_KEY_FILE): given twice; keep one of them',
    ]);
  });
});

describe('keys and secrets', () => {
  const short = 'hunter2-hunter2';
  const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits });
  const pem = (bits: number) => rsa(bits).publicKey.export({ type: 'spki', format: 'pem' }).toString();

  it('refuses short secrets without showing them', () => {
    const lines = mistakes({
      flags: { authSecret: short, clusterSecret: `${'c'.repeat(32)},${short}`, adminKey: 'a b' },
    });
    expect(lines).toEqual([
      expect.stringMatching(/^authSecret \(flag --auth-secret\): got 15 bytes, expected at least 32 bytes/),
      expect.stringMatching(
        /^clusterSecret \(flag --cluster-secret\): got 15 bytes as number 2 of 2, expected at least 32 bytes/,
      ),
      expect.stringMatching(/^adminKey \(flag --admin-key\): got 3 bytes, expected at least 16 bytes/),
    ]);
    expect(lines.join('\n')).not.toContain('hunter2');
  });

  it('refuses a Redis URL that is none without showing it', () => {
    const [line = ''] = flag('redisUrl', 'http://user:hunter2@redis');
    expect(line).toMatch(/got something else \(not shown/);
    expect(line).not.toContain('hunter2');
  });

  it('refuses a private key where a public one belongs', () => {
    const key = rsa(2048).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const [line = ''] = flag('authPublicKey', key);
    expect(line).toMatch(/got a private key, expected a public key in PEM/);
    expect(line).not.toContain(key.slice(40, 80));
  });

  it('refuses RSA under 2048 bits', () => {
    expect(flag('authPublicKey', pem(1024))[0]).toMatch(/got RSA of 1024 bits, expected RSA of at least 2048 bits/);
  });

  it('names what is wrong with a PEM text', () => {
    expect(flag('authPublicKey', pem(2048).replaceAll('\n', '\r\n'))[0]).toMatch(/got CRLF line ends/);
    expect(flag('authPublicKey', pem(2048).replaceAll('\n', '\\n'))[0]).toMatch(/got a backslash and an n/);
    expect(flag('authPublicKey', 'garbage')[0]).toMatch(/got 7 bytes of something else/);
    expect(flag('authPublicKey', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----')[0]).toMatch(
      /got a PEM block that holds no public key/,
    );
  });

  it('refuses algorithms that are none, nothing, or without a key', () => {
    expect(flag('authAlgorithms', 'none')[0]).toMatch(/got "none" in the list, expected one of HS256/);
    expect(yaml('authAlgorithms: []\n')[0]).toMatch(/got an empty list, expected at least 1$/);
    expect(mistakes({ flags: { authPublicKey: pem(2048), authAlgorithms: 'HS256,RS256' } })).toEqual([
      'authAlgorithms (flag --auth-algorithms): got HS256, expected those that the configured keys can verify: RS256, RS384, RS512, PS256, PS384, PS512',
    ]);
  });

  it('makes no secret in production, and says how to make one', () => {
    expect(mistakes({ env: { NODE_ENV: 'production' } })).toEqual([
      expect.stringMatching(/^authSecret \(not set\): needed by start in production: set FANFARE_AUTH_SECRET, /),
      expect.stringMatching(/^clusterSecret \(not set\): needed by start in production: .* openssl rand -base64 32/),
    ]);
  });

  it('says how to make one in a command that makes a good one', () => {
    const [line = ''] = mistakes({ env: { FANFARE_REDIS_URL: 'redis://127.0.0.1:6379' } });
    const command = /\(or: (node -p '.+')\)$/.exec(line)?.[1] ?? '';
    const secret = execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim();
    expect(secret).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(mistakes({ env: { FANFARE_CLUSTER_SECRET: secret } })).toEqual([]);
  });

  it('refuses the built-in secret wherever it is given', () => {
    const path = join(directory, 'built-in');
    writeFileSync(path, `${DEVELOPMENT_SECRET}\n`);
    const own = 'c'.repeat(32);
    const rows: [Record<string, string>, string][] = [
      [{ FANFARE_AUTH_SECRET: DEVELOPMENT_SECRET }, 'authSecret (env FANFARE_AUTH_SECRET)'],
      [{ FANFARE_CLUSTER_SECRET: `${own},${DEVELOPMENT_SECRET}` }, 'clusterSecret (env FANFARE_CLUSTER_SECRET)'],
      [{ FANFARE_CLUSTER_SECRET_FILE: path }, `clusterSecret (env FANFARE_CLUSTER_SECRET_FILE ${path})`],
      [{ FANFARE_ADMIN_KEY: DEVELOPMENT_SECRET }, 'adminKey (env FANFARE_ADMIN_KEY)'],
      [{ FANFARE_PUBLISH_KEY: `${own},${DEVELOPMENT_SECRET}` }, 'publishKey (env FANFARE_PUBLISH_KEY)'],
    ];
    for (const [env, where] of rows) {
      expect(mistakes({ env })).toEqual([expect.stringContaining(`${where}: got the built-in development secret, `)]);
      expect(mistakes({ env })[0]).not.toContain(DEVELOPMENT_SECRET);
      if (env.FANFARE_ADMIN_KEY !== undefined || env.FANFARE_PUBLISH_KEY !== undefined) continue;
      expect(mistakes({ env, role: 'discovery' })).toContainEqual(expect.stringContaining('got the built-in'));
    }
  });
});

it('tells every mistake at once, whatever its source', () => {
  const path = join(directory, 'many.yaml');
  writeFileSync(path, 'engine: fast\nmaxConections: 1\n');
  const lines = mistakes({
    flags: { config: path, port: '70000' },
    env: { FANFARE_HEARTBEAT: '25', FANFARE_PROT: '1', FANFARE_ORIGINS: '*' },
    unknownFlags: ['--hots'],
  });
  expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(
    ['--hots', 'FANFARE_PROT', 'maxConections', 'port', 'engine', 'heartbeat', 'origins'].sort(),
  );
});
