// `fanfare/client`: the SDK with every transport.

import { readCache } from './cache.js';
import { createFullClient } from './every-transport.js';
import type { AnyChannels, Client, ClientOptions } from './types.js';

export { FanfareError } from './errors.js';
export type * from './types.js';

/** Makes a client; it connects with its first `subscribe` or `publish`. Throws `TypeError` on bad options. */
export function createClient<Channels extends object = AnyChannels>(options: ClientOptions): Client<Channels> {
  return createFullClient<Channels>(options, undefined, { readCache });
}
