// Lists of secrets and keys, in each form in which they can be written.

import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { yamlLayer } from '../../../src/config/config-file.js';
import { type ConfigError, problemLine } from '../../../src/config/config-problem.js';
import { loadConfig } from '../../../src/config/load-config.js';

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(40)) as [string, string, string];
const pem = () => generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString();

const config = (flags: Readonly<Record<string, unknown>>) => loadConfig({ role: 'start', flags, env: {} }).config;

function mistakes(flags: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    config(flags);
  } catch (error) {
    return (error as ConfigError).problems.map(problemLine);
  }
  return [];
}

describe.each(['authSecret', 'clusterSecret', 'adminKey', 'publishKey'] as const)('%s', (option) => {
  it.each<[string, unknown, readonly string[]]>([
    ['one', A, [A]],
    ['several behind commas', `${A},${B} , ${C}`, [A, B, C]],
    ['one in each line, as a file has them', `${A}\n${B}\r\n\n${C}\n`, [A, B, C]],
    ['named ones', `name=old;key=${A},name=new;key=${B}`, [A, B]],
    ['a key with a comma and a semicolon in it', `key=${A},;x${B}\n${C}`, [`${A},;x${B}`, C]],
    ['bare and named ones', `${A},name=new;key=${B}\n${C}`, [A, B, C]],
    ['a list in YAML', [A, { name: 'new', key: B }], [A, B]],
    ['an object in YAML', { key: A }, [A]],
  ])('takes %s', (_, raw, keys) => {
    const found = config({ [option]: raw })[option] ?? [];
    expect(found.map((one) => (typeof one === 'string' ? one : one.key))).toEqual(keys);
  });

  it.each<[string, unknown, RegExp]>([
    ['a short one among good ones', `${A},short`, /got 5 bytes as number 2 of 2, expected at least \d\d bytes/],
    ['a comma with nothing behind it', `${A},`, /got 0 bytes as number 2 of 2/],
    ['a name alone', 'name=x', /got an entry without a key, expected at least \d\d bytes/],
    ['a name that is none', `name=a b;key=${A}`, /expected a name of 1 to 64/],
    ['another field', [{ key: A, until: 'noon' }], /got the field "until", expected name(,| and) key.* alone/],
  ])('refuses %s, and shows no key', (_, raw, message) => {
    const [line = '', ...others] = mistakes({ [option]: raw });
    expect(others).toEqual([]);
    expect(line).toMatch(message);
    expect(line).not.toContain(A);
  });
});

describe('publish keys', () => {
  it.each<[string, unknown, unknown]>([
    ['a bare one, for publishing everywhere', A, { key: A, patterns: ['*'], rights: ['publish'] }],
    [
      'patterns and rights as words',
      `name=shop;key=${A};patterns=order:* news;rights=read publish`,
      { name: 'shop', key: A, patterns: ['order:*', 'news'], rights: ['publish', 'read'] },
    ],
    [
      'lists in YAML',
      [{ key: A, patterns: ['user:*'], rights: ['read', 'delete'] }],
      { key: A, patterns: ['user:*'], rights: ['read', 'delete'] },
    ],
  ])('take %s', (_, raw, key) => {
    expect(config({ publishKey: raw }).publishKey).toEqual([key]);
  });

  it.each<[string, unknown, RegExp]>([
    ['no right', `key=${A};rights=`, /expected rights of publish, read, delete/],
    ['an unknown right', `key=${A};rights=write`, /expected rights of publish, read, delete/],
    ['no pattern', [{ key: A, patterns: [] }], /expected 1 to 64 patterns/],
    ['a bad pattern', `key=${A};patterns=a:* :b`, /expected patterns of channels: a channel name has no empty part/],
    ['a pattern that is no text', [{ key: A, patterns: [7] }], /expected 1 to 64 patterns/],
  ])('refuse %s', (_, raw, message) => {
    const [line = '', ...others] = mistakes({ publishKey: raw });
    expect(others).toEqual([]);
    expect(line).toMatch(message);
    expect(line).not.toContain(A);
  });

  it('alone have patterns and rights', () => {
    expect(mistakes({ adminKey: `key=${A};rights=read` })[0]).toMatch(
      /got the field "rights", expected name and key alone/,
    );
  });
});

it('takes public keys one PEM block after the other, or as a list, and names the bad one', () => {
  const [one, two] = [pem(), pem()];
  expect(config({ authPublicKey: `${one}\n${two}` }).authPublicKey).toEqual([one.trim(), two.trim()]);
  expect(config({ authPublicKey: [one, two] }).authPublicKey).toEqual([one.trim(), two.trim()]);
  const broken = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n';
  expect(mistakes({ authPublicKey: `${one}${broken}` })[0]).toMatch(
    /got a PEM block that holds no public key as number 2 of 2/,
  );
});

it('reads lists from a file of YAML', () => {
  const layer = yamlLayer(`adminKey:\n  - ${A}\n  - name: new\n    key: ${B}\n`, 'fanfare.yaml');
  expect(layer.problems).toEqual([]);
  expect(config({ adminKey: layer.values.get('adminKey')?.raw }).adminKey).toEqual([A, B]);
});
