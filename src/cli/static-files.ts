// Serves the SDK and the demo page from memory: few, small files that do not change while the process runs.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { FanfareError } from '../lib/errors.js';
import { problemResponse } from './problem-response.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.map': 'application/json',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** The page loads only what is served here; it connects to whatever node discovery names. */
const PAGE_POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"],
  ...["connect-src 'self' http: https: ws: wss:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

interface StaticFile {
  readonly content: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers a path that it has, or `undefined`. */
export type StaticFiles = (request: Request) => Response | undefined;

/** `/` and what the page needs from `dist/demo`, the SDK from `dist/`. */
export function createStaticFiles(dist: string): StaticFiles {
  const files = new Map<string, StaticFile>();
  const demo = join(dist, 'demo');
  const bundled = existsSync(demo) ? readdirSync(demo, { recursive: true, withFileTypes: true }) : [];
  for (const entry of bundled) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && extname(path) in TYPES && !/\.d\.ts/.test(path)) {
      files.set(path.slice(demo.length).replaceAll('\\', '/'), fileAt(path));
    }
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  for (const name of ['sdk.js', 'sdk-shared.js', 'shared-worker.js'].flatMap((file) => [file, `${file}.map`])) {
    const path = join(dist, name);
    if (existsSync(path)) files.set(`/${name}`, shared(fileAt(path)));
  }
  return (request) => respond(request, files.get(new URL(request.url).pathname));
}

function fileAt(path: string): StaticFile {
  const content = readFileSync(path);
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  return {
    content,
    headers: {
      'Content-Type': type,
      // Asked for each time, sent only when it has changed.
      'Cache-Control': 'no-cache',
      ETag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
      'X-Content-Type-Options': 'nosniff',
      ...(type.startsWith('text/html') && {
        'Content-Security-Policy': PAGE_POLICY,
        'Referrer-Policy': 'no-referrer',
      }),
    },
  };
}

/** Pages of every origin may import the SDK. */
function shared(file: StaticFile): StaticFile {
  const open = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
  return { ...file, headers: { ...file.headers, ...open } };
}

function respond(request: Request, file: StaticFile | undefined): Response | undefined {
  if (file === undefined) return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return problemResponse(new FanfareError('method_not_allowed', 'this path takes GET'), { Allow: 'GET, HEAD' });
  }
  const known = request.headers
    .get('if-none-match')
    ?.split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''));
  if (known?.includes(file.headers.ETag ?? '')) return new Response(null, { status: 304, headers: file.headers });
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(file.content), { headers: file.headers });
}
