// Puts together TLS in the server itself, from the configuration.

import type { LoadedConfig } from '../config/load-config.js';
import { tlsPairOf } from '../config/tls-rules.js';
import { TlsWatch } from '../http/tls-watch.js';
import type { Logger } from '../lib/logger.js';

/** `undefined` where the configuration names no certificate. Nothing runs before its `start`. */
export function composeTls({ config }: LoadedConfig, logger: Logger): TlsWatch | undefined {
  const pair = tlsPairOf(config);
  return pair && new TlsWatch({ pair, logger });
}
