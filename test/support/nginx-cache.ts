// Debian's nginx as a cache in front of a node, with the configuration of deploy/ and nothing put in but addresses and paths.

import { type NginxProcess, type NginxSetup, startNginx } from '../../loadtest/pollers/nginx.js';
import { findProgram } from './programs.js';
import { freePort, privateHost } from './redis.js';

const nginx = findProgram('nginx');

/** Why tests of it are to be skipped, for their title. */
export const cacheSkipReason: string | undefined = nginx === undefined ? 'nginx is not installed' : undefined;

export type NginxCache = NginxProcess;

/** In front of these nodes, `http://host:port` each; of two at most. */
export async function startNginxCache(...nodes: readonly string[]): Promise<NginxCache> {
  const host = privateHost();
  return startNginxCacheAt({ host, port: await freePort(host), nodes });
}

/** The same at an address that is known before. */
export function startNginxCacheAt(setup: Omit<NginxSetup, 'program'>): Promise<NginxCache> {
  return startNginx({ program: nginx ?? 'nginx', ...setup });
}
