// What an installation's names in Redis begin with: keys are apart by their database, pub/sub and functions by its number in their names.

export interface RedisNames {
  /** Of keys, in every database. */
  readonly prefix: string;
  readonly database: number;
  /** Of channels on the bus: `fanfare`, or `fanfare:3` in database 3. */
  readonly bus: string;
  /** The function library's name, and what its functions begin with: `fanfare`, or `fanfare_3`. */
  readonly library: string;
}

/**
 * A Redis has its channels and its functions once for all databases: outside database 0 the number stands in their names, so
 * that two installations with one prefix neither hear each other nor work by each other's limits.
 */
export function redisNames(prefix: string, database: number): RedisNames {
  if (database === 0) return { prefix, database, bus: prefix, library: prefix };
  return { prefix, database, bus: `${prefix}:${database}`, library: `${prefix}_${database}` };
}
