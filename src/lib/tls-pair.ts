// A certificate and its key, read from two files and judged together.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** Paths of files in PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Files, and what is in them: the certificate, with those that lead to its root behind it, and the key. */
export interface TlsPair extends TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Which of the two files cannot be used, and why. */
export interface TlsProblem {
  readonly part: 'cert' | 'key';
  readonly message: string;
}

/** `undefined` where a server can be run with them. */
export function tlsProblem({ cert, key }: Pick<TlsPair, 'cert' | 'key'>): TlsProblem | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    return { part: 'cert', message: 'holds no certificate in PEM' };
  }
  const privateKey = keyIn(key);
  if (typeof privateKey === 'string') return { part: 'key', message: privateKey };
  if (!certificate.checkPrivateKey(privateKey)) {
    return { part: 'key', message: 'is not the key of the certificate, which must be the first in its file' };
  }
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return { part: 'cert', message: `cannot be used: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The same with the file that it is about. */
export function tlsProblemText({ part, message }: TlsProblem, { certFile, keyFile }: TlsFiles): string {
  return `${part === 'cert' ? certFile : keyFile} ${message}`;
}

/** Unix milliseconds. */
export function tlsEndsAtMs({ cert }: Pick<TlsPair, 'cert'>): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

function keyIn(pem: string): KeyObject | string {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return 'has a passphrase, which nobody is there to type: take it off with openssl pkey';
  }
  try {
    return createPrivateKey(pem);
  } catch {
    return 'holds no private key in PEM';
  }
}
