// A certificate authority of a test, one certificate for its servers, and one for its clients.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificates {
  /** Paths of files in PEM. */
  readonly ca: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly client: { readonly certificate: string; readonly key: string };
  /** What is in the CA's file, and in the client's. */
  text(path: string): string;
  remove(): void;
}

const KIND = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** `names` as in a certificate: `DNS:localhost`, `IP:127.0.0.1`. */
export function makeCertificates(names: readonly string[]): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'fanfare-certificates-'));
  const path = (name: string) => join(folder, name);
  const make = (name: string, ...more: string[]) => {
    const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)];
    execFileSync('openssl', ['req', '-x509', ...KIND, '-subj', `/CN=fanfare ${name}`, ...files, ...more], {
      stdio: 'ignore',
    });
    return { certificate: path(`${name}.pem`), key: path(`${name}.key`) };
  };
  const ca = make('ca');
  const signed = ['-CA', ca.certificate, '-CAkey', ca.key, '-addext', 'basicConstraints=CA:FALSE'];
  return {
    ca: ca.certificate,
    server: make('server', ...signed, '-addext', `subjectAltName=${names.join(',')}`),
    client: make('client', ...signed),
    text: (file) => readFileSync(file, 'utf8'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The arguments of a Redis or Sentinel that speaks TLS alone, at `port`. */
export function tlsArguments({ ca, server }: Certificates, port: number, clients: 'yes' | 'no'): readonly string[] {
  const files = ['--tls-cert-file', server.certificate, '--tls-key-file', server.key, '--tls-ca-cert-file', ca];
  return ['--port', '0', '--tls-port', String(port), ...files, '--tls-auth-clients', clients];
}
