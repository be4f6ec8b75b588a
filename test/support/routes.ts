// The paths that the sources serve, as routers are told of them.

import { readdirSync, readFileSync } from 'node:fs';
import { PATHS } from '../../src/protocol/index.js';

/** Of nodes, discovery and probes, with names as OpenAPI writes them, `/v1/nodes/{id}/drain`; without the one of WebSockets. */
export function routes(): readonly string[] {
  const root = new URL('../../', import.meta.url);
  const files = ['src/', 'discovery/'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(new URL(folder + name, root), 'utf8')),
  );
  const written = files.flatMap((source) => [
    ...[...source.matchAll(/\bpattern(?::| =) (`[^`]*`|PATHS\.\w+)/g)].map(([, one = '']) => one.replaceAll('`', '')),
    ...[...source.matchAll(/\[(PATHS\.\w+)\]:/g)].map(([, one = '']) => one),
  ]);
  const paths = written.map((one) =>
    one
      .replaceAll(/\$\{(.*?)\}/g, '$1')
      .replace(/PATHS\.(\w+)/, (_, name: keyof typeof PATHS) => PATHS[name])
      .replaceAll(/:(\w+)/g, '{$1}'),
  );
  return [...new Set(paths)].filter((path) => path !== PATHS.websocket).sort();
}
