// Looks for what clients with a key prefix of their own have written: it is stored where nobody reads.

import type { Redis } from 'ioredis';
import { libraryAt } from './functions/library.js';
import { type RedisNames, redisNames } from './names.js';

/** Of one server. */
export interface Astray {
  /**
   * Names that have something before ours, as `shop:fanfare:{news}:log`, and what that is; one for each. Another installation, whose
   * prefix ends as ours is, has a function library of its own.
   */
  readonly prefixed: readonly { readonly name: string; readonly before: string }[];
  /** Channels that somebody listens to and nobody has published on, beside one that is called the same behind a prefix and was. */
  readonly unheard: readonly { readonly channel: string; readonly published: string }[];
  /** `some`: there are more names than were looked at; `none`: the user may not look. */
  readonly looked: 'all' | 'some' | 'none';
}

/** Chosen: people wait for it. */
const WITHIN_MS = 3_000;
const NAMES_AT_ONCE = 1_000;
/** Chosen: beyond it one knows. */
const MOST_TOLD = 5;

/** Reads names alone, and changes nothing. */
export async function lookForStrays(server: Redis, { prefix, database }: RedisNames): Promise<Astray> {
  const names = new Set<string>();
  const untilMs = performance.now() + WITHIN_MS;
  let cursor = '0';
  do {
    const page = await server.scan(cursor, 'MATCH', `*${prefix}:*`, 'COUNT', NAMES_AT_ONCE).catch(() => undefined);
    if (page === undefined) return { prefixed: [], unheard: [], looked: 'none' };
    cursor = page[0];
    for (const name of page[1]) names.add(name);
  } while (cursor !== '0' && performance.now() < untilMs);
  const { prefixed, unheard } = judged(names, prefix);
  const strays = [];
  for (const one of prefixed) {
    if (strays.length === MOST_TOLD) break;
    const isInstallation = (await libraryAt(server, redisNames(one.before + prefix, database))) === 'ours';
    if (!isInstallation) strays.push(one);
  }
  return { prefixed: strays, unheard, looked: cursor === '0' ? 'all' : 'some' };
}

/** Of the names of all keys that hold ours, what may say that a prefix was put before a key or a channel. */
function judged(names: ReadonlySet<string>, prefix: string): Pick<Astray, 'prefixed' | 'unheard'> {
  const ours = new RegExp(`^(.+?)${escaped(prefix)}:(?:ingest$|\\{)`);
  const prefixed = new Map<string, string>();
  const unheard = [];
  const log = (channel: string) => `${prefix}:{${channel}}:log`;
  for (const name of names) {
    const before = name.startsWith(`${prefix}:`) ? undefined : ours.exec(name)?.[1];
    if (before !== undefined && !prefixed.has(before)) prefixed.set(before, name);
    const published = channelOf(name, prefix, 'log');
    if (published === undefined) continue;
    for (const channel of behindPrefixes(published)) {
      // Who listens to a channel has its tail kept, whether or not there was ever a message.
      if (names.has(`${prefix}:{${channel}}:tail`) && !names.has(log(channel))) unheard.push({ channel, published });
    }
  }
  return {
    prefixed: [...prefixed].map(([before, name]) => ({ name, before })),
    unheard: unheard.slice(0, MOST_TOLD),
  };
}

function channelOf(name: string, prefix: string, suffix: string): string | undefined {
  const [begin, end] = [`${prefix}:{`, `}:${suffix}`];
  return name.startsWith(begin) && name.endsWith(end) ? name.slice(begin.length, -end.length) : undefined;
}

/** `shop:chat:1` → `chat:1`, `1`: a prefix ends with what separates. */
function behindPrefixes(channel: string): readonly string[] {
  return [...channel.matchAll(/[:_.-]/g)].map(({ index }) => channel.slice(index + 1)).filter((rest) => rest !== '');
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
