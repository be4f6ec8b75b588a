// Debian's nginx and haproxy in front of a cluster, with the configuration of deploy/ and nothing put in but addresses and a certificate.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';
import { freePorts, privateHost } from './redis.js';
import { watched } from './watched.js';

export type ProxyName = 'nginx' | 'haproxy';
export const PROXIES: readonly ProxyName[] = ['nginx', 'haproxy'];

/** What stands behind it, each an address with its port. */
export interface Behind {
  readonly discovery: string;
  readonly nodes: readonly [string, string];
}

export interface ProxyServer {
  /** An address that nothing else listens at. */
  readonly host: string;
  /** What clients are told to connect to. */
  readonly url: string;
  /** Where HTTP without TLS is redirected. */
  readonly plainUrl: string;
  /** The same as behind TLS, for peers made of bare TCP: added to the configuration. */
  readonly barePort: number;
  /** A certificate that its clients and the nodes have to trust. */
  readonly certificate: string;
  start(behind: Behind): Promise<void>;
  /** What it has logged. */
  log(): string;
  stop(): Promise<void>;
}

/** Whether it is installed; scripts/pretest.mjs installs it. */
export function hasProxy(name: ProxyName): boolean {
  return spawnSync(name, ['-v']).error === undefined;
}

/** Finds ports and makes a certificate; nothing runs before `start`. */
export async function makeProxy(name: ProxyName): Promise<ProxyServer> {
  const folder = mkdtempSync(join(tmpdir(), `fanfare-${name}-`));
  const host = privateHost();
  const [port = 0, plainPort = 0, barePort = 0] = await freePorts(host, 3);
  const certificate = makeCertificate(folder, host);
  let log = '';
  let child: ChildProcess | undefined;
  const put = (behind: Behind): readonly Put[] => [
    ['127.0.0.1:8080', behind.discovery],
    ['127.0.0.1:8081', behind.nodes[0]],
    ['127.0.0.1:8082', behind.nodes[1]],
    ['/etc/ssl/', `${folder}/`],
    ...(name === 'nginx'
      ? [...nginxListens({ host, port, plainPort, barePort }), ...nginxFiles(folder)]
      : haproxyListens({ host, port, plainPort, barePort })),
  ];
  return {
    host,
    url: `https://${host}:${port}`,
    plainUrl: `http://${host}:${plainPort}`,
    barePort,
    certificate,
    log: () => log,
    async start(behind) {
      const file = join(folder, name);
      writeFileSync(file, filled(name, put(behind)));
      const server = spawn('sh', watched(name, argumentsOf(name, file, folder)), { stdio: ['pipe', 'pipe', 'pipe'] });
      child = server;
      for (const stream of [server.stdout, server.stderr]) {
        stream.setEncoding('utf8').on('data', (more: string) => {
          log += more;
        });
      }
      await eventually(async () => {
        await fetch(`http://${host}:${barePort}/livez`, { signal: AbortSignal.timeout(1_000) });
        return true;
      }, 20_000).catch((error: Error) => Promise.reject(new Error(`${name} does not serve: ${error.message}\n${log}`)));
    },
    async stop() {
      if (child !== undefined && child.exitCode === null) {
        const ended = once(child, 'exit');
        child.stdin?.end();
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A text of the configuration, and what stands in its place. */
type Put = readonly [from: string, to: string];

interface Listens {
  readonly host: string;
  readonly port: number;
  readonly plainPort: number;
  readonly barePort: number;
}

function nginxListens({ host, port, plainPort, barePort }: Listens): readonly Put[] {
  return [
    ['listen 443 ', `listen ${host}:${barePort};\n    listen ${host}:${port} `],
    ['listen 80;', `listen ${host}:${plainPort};`],
    ['push.example.com', host],
  ];
}

/** Debian's own places are for root only. */
function nginxFiles(folder: string): readonly Put[] {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const places = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`);
  return [['http {', ['http {', 'access_log off;', ...places].join('\n  ')]];
}

function haproxyListens({ host, port, plainPort, barePort }: Listens): readonly Put[] {
  return [
    ['bind :443 ', `bind ${host}:${barePort}\n  bind ${host}:${port} `],
    ['bind :80', `bind ${host}:${plainPort}`],
  ];
}

function argumentsOf(name: ProxyName, file: string, folder: string): readonly string[] {
  if (name === 'haproxy') return ['-db', '-f', file];
  const globals = `daemon off; master_process off; pid ${folder}/pid; error_log stderr info;`;
  return ['-p', folder, '-e', 'stderr', '-c', file, '-g', globals];
}

/** The configuration of deploy/ with these texts put in. Throws where one of them is not there. */
function filled(name: ProxyName, put: readonly Put[]): string {
  const file = name === 'nginx' ? 'nginx.conf' : 'haproxy.cfg';
  const path = fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
  return put.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${file} says nothing of ${from}`);
      return text.replaceAll(from, to);
    },
    readFileSync(path, 'utf8'),
  );
}

function makeCertificate(folder: string, host: string): string {
  const [certificate, key] = [join(folder, 'push.pem'), join(folder, 'push.key')];
  const names = ['-subj', '/CN=push', '-addext', `subjectAltName=IP:${host}`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  writeFileSync(join(folder, 'push-with-key.pem'), readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'));
  return certificate;
}
