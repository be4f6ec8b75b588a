// The links of a cluster's nodes, kept in Redis: one function, and one key for each part of the subjects.

import type { LinkAnswer, LinkStore } from '../../limits/link-shard.js';
import type { RedisConnection } from './connection.js';
import { unavailableError } from './errors.js';

/** `member` tells this start of this process from all others. The connection is the caller's to start and close. */
export function createRedisLinks(connection: Pick<RedisConnection, 'prefix' | 'call'>, member: string): LinkStore {
  const call = (shard: number, args: readonly (string | number)[]) =>
    connection.call('write', 'links_tell', [`${connection.prefix}:{!links:${shard}}`], [member, ...args]);
  return {
    async tell({ shard, after, revision, subjects }): Promise<LinkAnswer> {
      const told = subjects.flatMap(({ subject, links }) => [subject, links]);
      const answer = await call(shard, [after, revision, ...told]);
      const [isKnown, nodes, ...elsewhere] = Array.isArray(answer) ? answer : [];
      if (typeof nodes !== 'number' || elsewhere.length !== subjects.length)
        throw unavailableError('the count of links in Redis gave an answer that is none');
      return { isKnown: isKnown === 1, nodes, elsewhere: elsewhere.map(String) };
    },
    async leave(shard): Promise<void> {
      await call(shard, [0, 0]);
    },
  };
}
