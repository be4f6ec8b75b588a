// What a Redis URL means: one server, a Sentinel group, or a Cluster.

import type { RedisOptions } from 'ioredis';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** A Redis URL, with what a URL does not say: certificates and key in PEM, and `user:password` of the Sentinels. */
export interface RedisPlace {
  readonly url: string;
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** Default: those of the URL. */
  readonly sentinelAuth?: string | undefined;
}
export type RedisUrl = string | RedisPlace;

/** Where Redis is. `address` may be shown: it never holds a secret. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly Address[];
  readonly options: RedisOptions;
  /** 0 on a Cluster. */
  readonly database: number;
  readonly address: string;
}

const FORM = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^/]*)@)?([^/@?#]+)(?:\/([^/?#]*))?(?:\/(\d+))?\/?$/;
const NODE = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?$/;

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `redis+sentinel://…host:port,host:port/name[/db]` and
 * `redis+cluster://…host:port,host:port`; `rediss` is TLS. Throws `TypeError`, whose message never repeats the URL.
 */
export function parseRedisUrl(place: RedisUrl): RedisTarget {
  const { url, ca, certificate, key, sentinelAuth } = typeof place === 'string' ? { url: place } : place;
  const parts = FORM.exec(url);
  if (parts === null) {
    throw new TypeError(`a Redis URL is redis://[user:password@]host[:port][/db]${encoding(url)}`);
  }
  const [, tls, mode, credentials, hosts = '', first, second] = parts;
  const kind = mode === 'sentinel' || mode === 'cluster' ? mode : 'single';
  const nodes = hosts.split(',').map((host) => parseNode(host, kind === 'sentinel' ? 26379 : 6379, url));
  const address = nodes.map(({ host, port }) => `${host}:${port}`).join(',');
  const files = { ...(ca && { ca }), ...(certificate && { cert: certificate }), ...(key && { key }) };
  const [named] = Object.keys(files);
  if (tls !== 's' && named !== undefined) throw new TypeError('certificates for Redis are used with rediss:// alone');
  const own = parseCredentials(credentials);
  const options: RedisOptions = { ...own, ...(tls === 's' && { tls: files }) };
  if (kind === 'sentinel') {
    if (first === undefined || first === '') throw new TypeError('a Sentinel URL ends in the name of its master');
    const sentinels = nodes.map((node) => ({ ...node }));
    const database = parseDatabase(second);
    const group = { sentinels, name: first, db: database, enableTLSForSentinelMode: tls === 's' };
    const { username, password } = sentinelAuth === undefined ? own : parseAuth(sentinelAuth);
    const theirs: RedisOptions = {
      ...(username !== undefined && { sentinelUsername: username }),
      ...(password !== undefined && { sentinelPassword: password }),
      ...(tls === 's' && { sentinelTLS: files }),
    };
    return { kind, nodes, options: { ...options, ...group, ...theirs }, database, address: `${address}/${first}` };
  }
  if (second !== undefined) throw new TypeError('a Redis URL has one path part, the database');
  if (kind === 'cluster') {
    if (first !== undefined && first !== '') throw new TypeError('a Redis Cluster has no databases');
    return { kind, nodes, options, database: 0, address };
  }
  const [node, ...others] = nodes;
  if (node === undefined || others.length > 0) throw new TypeError('a redis:// URL names one host');
  const database = parseDatabase(first);
  return { kind, nodes, options: { ...options, ...node, db: database }, database, address };
}

/** What a URL may lack that has a user. */
function encoding(url: string): string {
  return url.includes('@') ? '; in user and password / is %2F, @ is %40, # is %23, ? is %3F' : '';
}

function parseNode(text: string, defaultPort: number, url: string): Address {
  const parts = NODE.exec(text);
  const port = Number(parts?.[2] ?? defaultPort);
  if (parts?.[1] === undefined || port < 1 || port > 65535) {
    throw new TypeError(`a Redis URL names host:port${encoding(url)}`);
  }
  return { host: parts[1].replace(/^\[|\]$/g, ''), port };
}

function parseCredentials(text: string | undefined): RedisOptions {
  if (text === undefined || text === '') return {};
  const colon = text.indexOf(':');
  const user = decode(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? '' : decode(text.slice(colon + 1));
  return { ...(user !== '' && { username: user }), ...(password !== '' && { password }) };
}

/** `user:password`, `:password` or a password alone, as it is. */
function parseAuth(text: string): RedisOptions {
  const colon = text.indexOf(':');
  const username = colon === -1 ? '' : text.slice(0, colon);
  return { ...(username !== '' && { username }), password: text.slice(colon + 1) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new TypeError('the user or password in a Redis URL is not well-formed percent-encoding', { cause });
  }
}

function parseDatabase(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,4}$/.test(text)) throw new TypeError('the database in a Redis URL is a number');
  return Number(text);
}
