// `fanfare/client/node`: the SDK with every transport, for Node, whose older versions have no WebSocket of their own.

import { WebSocket } from 'ws';
import { createClient as createBrowserClient } from './index.js';
import type { AnyChannels, Client, ClientOptions, WebSocketConstructor } from './types.js';

export { FanfareError } from './errors.js';
export type * from './types.js';

/** As `createClient` of `fanfare/client`, with the WebSocket of the package `ws` unless another is handed in. */
export function createClient<Channels extends object = AnyChannels>(options: ClientOptions): Client<Channels> {
  if (Object(options) !== options) return createBrowserClient<Channels>(options);
  return createBrowserClient<Channels>({
    ...options,
    WebSocket: options.WebSocket ?? (WebSocket as unknown as WebSocketConstructor),
    // Newer versions have one, of the process's whole host.
    storage: options.storage ?? null,
  });
}
