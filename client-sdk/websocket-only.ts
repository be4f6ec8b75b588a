// `fanfare/client/websocket`: the SDK with the WebSocket transport alone.

import { misuse } from './arguments.js';
import { assembleClient } from './client.js';
import { mergeOptions } from './settings.js';
import { websocket } from './transports/websocket.js';
import type { AnyChannels, Client, ClientOptions } from './types.js';

export { FanfareError } from './errors.js';
export type * from './types.js';

/** Makes a client; it connects with its first `subscribe` or `publish`. Throws `TypeError` on bad options or without a WebSocket. */
export const createClient = <Channels extends object = AnyChannels>(options: ClientOptions): Client<Channels> => {
  const settings = mergeOptions(options);
  if (!settings.WebSocket) misuse('WebSocket', undefined, 'a function');
  return assembleClient<Channels>(settings, ['websocket'], websocket);
};
