// A certificate whose files change: what is handed on, what is told, and what goes on as before.

import { cpSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { TlsWatch } from '../../../src/http/tls-watch.js';
import type { TlsPair } from '../../../src/lib/tls-pair.js';
import { type Certificates, makeCertificates } from '../../support/certificates.js';
import { RecordingLogger } from '../../support/recording-logger.js';

const TOLD = 'the new certificate cannot be used: going on with the one before';

let first: Certificates;
let second: Certificates;
let pair: TlsPair;
let logger: RecordingLogger;
let renewed: TlsPair[];
let watch: TlsWatch;

beforeAll(() => {
  first = makeCertificates(['DNS:push.test']);
  second = makeCertificates(['DNS:push.test']);
});
afterAll(() => {
  first.remove();
  second.remove();
});
beforeEach(() => {
  const { server } = first;
  pair = { certFile: `${server.certificate}.live`, keyFile: `${server.key}.live`, cert: '', key: '' };
  put(first, 'both');
  pair = { ...pair, cert: readFileSync(pair.certFile, 'utf8'), key: readFileSync(pair.keyFile, 'utf8') };
  logger = new RecordingLogger();
  renewed = [];
  watch = new TlsWatch({ pair, logger });
  watch.onRenewed((next) => void renewed.push(next));
});

function put({ server }: Certificates, what: 'cert' | 'key' | 'both'): void {
  if (what !== 'key') cpSync(server.certificate, pair.certFile);
  if (what !== 'cert') cpSync(server.key, pair.keyFile);
}

it('hands nothing on while nothing changes', async () => {
  await watch.look();
  expect(renewed).toEqual([]);
});

it('hands a new pair on once, and the old one when that comes back', async () => {
  put(second, 'both');
  await watch.look();
  await watch.look();
  put(first, 'both');
  await watch.look();
  expect(renewed.map(({ cert }) => cert)).toEqual([readFileSync(second.server.certificate, 'utf8'), pair.cert]);
  expect(watch.pair.cert).toBe(pair.cert);
});

it('hands on a pair without the byte order marks of its files, and nothing where only they are new', async () => {
  writeFileSync(pair.certFile, `\ufeff${pair.cert}`);
  await watch.look();
  expect(renewed).toEqual([]);
  for (const part of ['certificate', 'key'] as const) {
    const file = part === 'key' ? pair.keyFile : pair.certFile;
    writeFileSync(file, `\ufeff${readFileSync(second.server[part], 'utf8')}`);
  }
  await watch.look();
  const [cert, key] = [readFileSync(second.server.certificate, 'utf8'), readFileSync(second.server.key, 'utf8')];
  expect(renewed).toEqual([{ ...pair, cert, key }]);
});

it('waits for the second of two files, and says nothing of what is over at the next look', async () => {
  put(second, 'cert');
  await watch.look();
  put(second, 'key');
  await watch.look();
  expect(renewed).toHaveLength(1);
  expect(logger.texts('error')).toEqual([]);
});

it.each([
  ['a key of another certificate', () => put(second, 'key'), /is not the key of the certificate/],
  ['a file that is gone', () => unlinkSync(pair.certFile), /ENOENT/],
  ['a file with something else', () => writeFileSync(pair.certFile, 'nothing'), /holds no certificate in PEM/],
  ['half of a file', () => writeFileSync(pair.keyFile, pair.key.slice(0, 60)), /holds no private key in PEM/],
])('tells once of %s that lasts, hands nothing on, and goes on looking', async (_, harm, reason) => {
  harm();
  await watch.look();
  expect(logger.texts('error')).toEqual([]);
  await watch.look();
  await watch.look();
  expect(logger.texts('error')).toEqual([TOLD]);
  expect(logger.lines.find(({ level }) => level === 'error')?.fields).toMatchObject({
    problem: expect.stringMatching(reason),
  });
  expect(renewed).toEqual([]);
  put(second, 'both');
  await watch.look();
  expect(renewed).toHaveLength(1);
});

it('keeps the pair before where whoever serves cannot take the new one, and tries again', async () => {
  let isRefusing = true;
  watch.onRenewed((next) => {
    if (isRefusing) throw new Error('no');
    renewed.push(next);
  });
  put(second, 'both');
  await watch.look();
  await watch.look();
  expect(logger.texts('error')).toEqual([TOLD]);
  expect(watch.pair).toEqual(pair);
  isRefusing = false;
  await watch.look();
  expect(renewed).toHaveLength(1);
});
