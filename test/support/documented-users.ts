// The Redis users that docs/OPERATIONS.md gives, each with the rules of its `ACL SETUSER`; their password is `secret`.

import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const OPERATIONS = new URL('../../docs/OPERATIONS.md', import.meta.url);

/** By name, in the order of the page. */
export function documentedUsers(): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(OPERATIONS, 'utf8').match(/^ACL SETUSER .*$/gm) ?? [];
  return new Map(
    lines.map((line) => {
      const [name = '', ...rules] = line.replace('PASSWORD', 'secret').split(' ').slice(2);
      return [name, rules] as const;
    }),
  );
}

export async function makeDocumentedUsers(admin: Redis): Promise<void> {
  for (const [name, rules] of documentedUsers()) await admin.call('ACL', 'SETUSER', name, ...rules);
}
