// What a mistake is answered with: words that say what came, where, and what may stand there instead.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { shown } from '../../../src/config/config-problem.js';
import { mistakes } from '../../support/config-mistakes.js';

const directory = mkdtempSync(join(tmpdir(), 'fanfare-clear-words-'));
afterAll(() => rmSync(directory, { recursive: true }));

const flag = (name: string, value: unknown) => mistakes({ flags: { [name]: value } });

function written(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe('a name that is not for its place', () => {
  it.each([
    ['namespaces', { a: { limits: { polls: { rate: '1/s' } } } }, 'polls', ['channel', 'outbound', 'publishes']],
    ['namespaces', { a: { links: { max: 3 } } }, 'links', ['historySize']],
    ['namespaces', { a: { limits: { publishes: { max: 3 } } } }, 'max', ['algorithm', 'rate', 'burst', 'by']],
    ['limits', { links: { rate: '1/s' } }, 'rate', ['max', 'by', 'shared']],
    ['limits', { handshakes: { shared: true } }, 'shared', ['max', 'by']],
    ['limits', { publishes: { max: 3 } }, 'max', ['algorithm', 'rate', 'burst', 'by', 'countRefused', 'shared']],
    ['limits', { historySize: 3 }, 'historySize', ['commands', 'links']],
  ])('%s %j is told so, with those that are', (option, value, name, places) => {
    const lines = flag(option, JSON.stringify(value));
    expect(lines).toHaveLength(1);
    const [, told = ''] = /: "\w+" is not for this place, where there are (.*)$/.exec(lines[0] ?? '') ?? [];
    expect(lines[0]).toContain(`"${name}" is not for this place`);
    expect(told.split(', ')).toEqual(expect.arrayContaining(places));
    expect(told.split(', ')).not.toContain(name);
  });

  it.each([
    ['limits', { links: { maz: 3 } }, 'unknown setting "maz", did you mean "max"?'],
    ['limits', { links: { burts: 3 } }, 'unknown setting "burts"; there are max, by, shared'],
    ['namespaces', { a: { publc: true } }, 'unknown setting "publc", did you mean "public"?'],
    ['namespaces', { a: { limits: { publish: {} } } }, 'unknown setting "publish", did you mean "publishes"?'],
  ])('%s %j that is nowhere is held against those of its place alone', (option, value, message) => {
    expect(flag(option, JSON.stringify(value))).toEqual([expect.stringContaining(`: ${message}`)]);
  });
});

describe('a URL or an origin that could not work', () => {
  it.each(['https://u:p@id.example/keys', 'http://u@127.0.0.1/keys', 'https://:p@id.example/keys'])(
    'refuses the key set at %s, whose user fetch refuses',
    (url) => {
      const [line = '', ...others] = flag('authJwksUrl', url);
      expect(others).toEqual([]);
      expect(line).toMatch(
        /\(hidden\)@.*, expected an https:\/\/ URL without user \(http:\/\/ only on this machine\)$/,
      );
    },
  );

  it.each(['https://*.example.com', 'https://*', 'http://app.*:8080', 'chrome-extension://*'])(
    'refuses the origin %s: no page has it',
    (origin) => {
      expect(flag('origins', `https://app.example.com,${origin}`)).toEqual([
        `origins (flag --origins): got "${origin}" in the list, expected each origin written out: a part of one cannot be "*"`,
      ]);
    },
  );
});

describe('keys', () => {
  const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];
  it.each([
    ['a name alone', 'name=shop', /got an entry without a key, expected at least 16 bytes/],
    ['an entry in YAML without a key', [{ name: 'shop', patterns: 'a' }], /got an entry without a key/],
    ['a key that is a list', [{ key: [A] }], /got a list, expected at least 16 bytes/],
    ['nothing in a list', [null], /got nothing, expected at least 16 bytes/],
    ['an empty list', [], /got an empty list, expected at least one key/],
    ['another name', `name=a b;key=${A}`, /got another name, expected a name of 1 to 64/],
    ['other patterns', `key=${A};patterns=a*b`, /got other patterns, expected patterns of channels/],
    ['other rights', `key=${A};rights=write`, /got other rights, expected rights of publish, read, delete/],
    ['another field', [{ key: A, until: 'x' }], /got the field "until", expected name, key, patterns and rights alone/],
  ])('of %s say what came', (_, raw, message) => {
    const [line = '', ...others] = flag('publishKey', raw);
    expect(others).toEqual([]);
    expect(line).toMatch(message);
    expect(line).not.toContain(A);
  });

  it.each(['authSecret', 'clusterSecret', 'adminKey', 'publishKey', 'authPublicKey', 'redisUrl'])(
    '%s from a file without anything in it is told as nothing',
    (option) => {
      const path = written('empty', '\n');
      expect(flag(`${option}File`, path)[0]).toMatch(/: got nothing, expected /);
    },
  );

  it('of backends may not share a name, by which a refusal knows them', () => {
    expect(flag('publishKey', `name=shop;key=${A},name=shop;key=${B}`)).toEqual([
      'publishKey (flag --publish-key): got the name "shop" twice, expected another for each key',
    ]);
    expect(flag('publishKey', `name=shop;key=${A},name=shop-2;key=${B}`)).toEqual([]);
    expect(flag('publishKey', `${A},${B}`)).toEqual([]);
  });

  it('of backends may not be two at once, of which the first would count', () => {
    const [line = ''] = flag('publishKey', `key=${A};rights=read,key=${A};rights=publish`);
    expect(line).toContain('got one key as two, expected each key once');
    expect(line).not.toContain(A);
    expect(flag('publishKey', `${A},${A}`)).toEqual([]);
  });
});

describe('files and texts', () => {
  it('says that a file has several documents, and where the second begins', () => {
    const path = written('two.yaml', 'port: 8080\n---\nport: 9090\n');
    expect(mistakes({ flags: { config: path } })).toEqual([
      `config (${path}:2:1): got a second document (after "---"), expected one`,
    ]);
  });

  it('shows letters of every script, and writes out what nobody sees', () => {
    expect(shown('ü٨日🙂')).toBe('"ü٨日🙂"');
    expect(shown('a\u200bb\u00a0c\u202ed\ne\u2028\ud800')).toBe(
      '"a\\u{200b}b\\u{a0}c\\u{202e}d\\u{a}e\\u{2028}\\u{d800}"',
    );
    expect(flag('prefix', 'ü')).toEqual([expect.stringContaining('got "ü", expected a letter')]);
    expect(flag('trustedProxies', '10.0.0.0/8,\u001b[2J')[0]).toContain('got "\\u{1b}[2J" in the list');
  });

  it('cuts a long text between two characters', () => {
    expect(shown('🙂'.repeat(100))).toBe(`"${'🙂'.repeat(77)}..."`);
  });
});
