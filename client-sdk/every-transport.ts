// A client with every transport, over whatever makes its connection.

import type { ReadCache } from './cache.js';
import { assembleClient } from './client.js';
import type { Connect } from './connection.js';
import { misuse } from './errors.js';
import type { OpenLink } from './link.js';
import { mergeOptions } from './settings.js';
import { fallback } from './transports/fallback.js';
import { poll } from './transports/poll.js';
import { sse } from './transports/sse.js';
import { websocket } from './transports/websocket.js';
import type { AnyChannels, Client, ClientOptions, Transport } from './types.js';

const OPEN: Readonly<Record<Transport, OpenLink>> = {
  websocket,
  sse,
  'long-poll': poll('long-poll'),
  'short-poll': poll('short-poll'),
};

/** Throws `TypeError` on bad options. */
export const createFullClient = <Channels extends object = AnyChannels>(
  options: ClientOptions,
  connect?: Connect,
  readCache?: ReadCache,
): Client<Channels> => {
  const settings = { ...mergeOptions(options), readCache };
  const transports = new Map<Transport, OpenLink>();
  for (const name of options.transports ?? (Object.keys(OPEN) as Transport[])) {
    if (!Object.hasOwn(OPEN, name)) misuse('transports', name, `one of ${Object.keys(OPEN).join(', ')}`);
    if (name !== 'websocket' || settings.WebSocket) transports.set(name, OPEN[name]);
  }
  if (!transports.size) misuse('transports', 'websocket', 'possible here without the option `WebSocket`');
  return assembleClient<Channels>(settings, [...transports.keys()], fallback(transports, settings), connect);
};
