// Where Redis is and how it is spoken to, from the configuration.

import type { RedisPlace } from '../broker/redis/url.js';
import type { Config } from '../config/schema.js';

/** `undefined` for the memory broker. */
export function redisPlaceOf(config: Partial<Config>): RedisPlace | undefined {
  const { redisUrl: url, redisCa: ca, redisCert: certificate, redisKey: key, redisSentinelAuth: sentinelAuth } = config;
  return url === undefined ? undefined : { url, ca, certificate, key, sentinelAuth };
}
