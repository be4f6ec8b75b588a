// Where Redis is and how it is spoken to, from the configuration.

import { type RedisNames, redisNames } from '../broker/redis/names.js';
import { parseRedisUrl, type RedisPlace } from '../broker/redis/url.js';
import type { Config } from '../config/schema.js';

/** `undefined` for the memory broker. */
export function redisPlaceOf(config: Partial<Config>): RedisPlace | undefined {
  const { redisUrl: url, redisCa: ca, redisCert: certificate, redisKey: key, redisSentinelAuth: sentinelAuth } = config;
  return url === undefined ? undefined : { url, ca, certificate, key, sentinelAuth };
}

/** What names of the installation begin with, in Redis or alone. Throws `TypeError` for a URL that cannot be. */
export function redisNamesOf(config: Config): RedisNames {
  const place = redisPlaceOf(config);
  return redisNames(config.prefix, place === undefined ? 0 : parseRedisUrl(place).database);
}
