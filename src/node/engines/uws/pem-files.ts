// The files that uWebSockets.js is made to read a certificate and its key from, and why it cannot use what is in them.

import type { TemplatedApp } from 'uWebSockets.js';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TlsFiles, type TlsPair, type TlsProblem, tlsProblemText } from '../../../lib/tls-pair.js';

type Uws = Pick<typeof import('uWebSockets.js'), 'SSLApp'>;

const UNFIT =
  'holds what the engine uws cannot use: RSA, P-256, P-384, P-521 by name and Ed25519 are good; FANFARE_ENGINE=ws takes this one, too';

/** Throws with the file and the reason where the pair cannot be used. */
export function secureApp(uws: Uws, tls: TlsPair): TemplatedApp {
  try {
    return withFiles(tls, ({ certFile, keyFile }) => uws.SSLApp({ cert_file_name: certFile, key_file_name: keyFile }));
  } catch (cause) {
    const problem = unfitPart(uws, tls);
    throw problem === undefined ? cause : new Error(tlsProblemText(problem, tls), { cause });
  }
}

/** `undefined` where a server can be run with the pair. */
export function unfitPair(uws: Uws, tls: TlsPair): TlsProblem | undefined {
  try {
    secureApp(uws, tls).close();
    return undefined;
  } catch (error) {
    return unfitPart(uws, tls) ?? { part: 'cert', message: `cannot be used: ${String(error)}` };
  }
}

/** uWebSockets.js says of neither file what is wrong: each is tried alone. */
function unfitPart(uws: Uws, tls: TlsPair): TlsProblem | undefined {
  try {
    withFiles(tls, () => undefined);
  } catch (error) {
    const part = holds(tls.certFile, tls.cert) ? 'key' : 'cert';
    return { part, message: `begins with a byte order mark, and cannot be copied without it: ${String(error)}` };
  }
  const isFit = (options: (files: TlsFiles) => Parameters<Uws['SSLApp']>[0]) => {
    try {
      withFiles(tls, (files) => uws.SSLApp(options(files)).close());
      return true;
    } catch {
      return false;
    }
  };
  if (!isFit(({ certFile }) => ({ cert_file_name: certFile }))) return { part: 'cert', message: UNFIT };
  return isFit(({ keyFile }) => ({ key_file_name: keyFile })) ? undefined : { part: 'key', message: UNFIT };
}

/**
 * The files themselves, where they hold the pair to the letter. What was judged may differ from them: by a byte order mark, which
 * uWebSockets.js does not read over, or since somebody has written them meanwhile. Then it reads a copy, which nobody else may, and
 * which is gone as soon as it has been read.
 */
function withFiles<T>(tls: TlsPair, use: (files: TlsFiles) => T): T {
  const { certFile, keyFile, cert, key } = tls;
  const [isCert, isKey] = [holds(certFile, cert), holds(keyFile, key)];
  if (isCert && isKey) return use(tls);
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-tls-'));
  const copy = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  try {
    return use({
      certFile: isCert ? certFile : copy('cert.pem', cert),
      keyFile: isKey ? keyFile : copy('key.pem', key),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function holds(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text;
  } catch {
    return false; // it has gone since
  }
}
