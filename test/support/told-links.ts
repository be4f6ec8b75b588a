// What nodes have told Redis of the links that a cluster counts together.

import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { LinkTally } from '../../src/limits/link-tally.js';
import { LINK_SHARDS } from '../../src/limits/shared-links.js';

const KEYS = Array.from({ length: LINK_SHARDS }, (_, shard) => `fanfare:{!links:${shard}}`);

/** Of each part of the subjects: who has told of it, with the number of its last telling. Empty where Redis is away. */
export async function tellersOf(admin: Redis): Promise<Map<string, number>[]> {
  const members = await Promise.all(KEYS.map((key) => admin.hget(key, 'members'))).catch(() => []);
  return members.map((text) => {
    const entries = [...(text ?? '').matchAll(/(\S+) (\d+) \d+;/g)];
    return new Map(entries.map(([, member = '', revision]) => [member, Number(revision)]));
  });
}

/** The links that nodes have told, of all subjects. */
export async function toldLinks(admin: Redis): Promise<number> {
  let told = 0;
  for (const key of KEYS) {
    for (const [field, text] of Object.entries(await admin.hgetall(key).catch(() => ({})))) {
      if (field.startsWith('s:')) for (const [, links] of text.matchAll(/=([^;]*)/g)) told += linksIn(links);
    }
  }
  return told;
}

function linksIn(text = ''): number {
  const tally = new LinkTally();
  tally.addText(text);
  return tally.links;
}

/** Until each node that lives has told of each part, and heard, in a call that began after this one. `beat` has them tell: absent, they do each second. */
export async function tellAnew(admin: Redis, beat: () => void = () => undefined): Promise<void> {
  const before = await tellersOf(admin);
  const isAnew = async () => {
    beat();
    const now = await tellersOf(admin);
    // The first of two may have been under way.
    const toldTwice = (at: number) =>
      [...(before[at] ?? [])].every(([id, n]) => (now[at]?.get(id) ?? Number.POSITIVE_INFINITY) >= n + 2);
    return now.length === LINK_SHARDS && now.every((_, at) => toldTwice(at));
  };
  await expect.poll(isAnew, { timeout: 20_000 }).toBe(true);
}
