// A client with every transport, over whatever makes its connection.

import { misuse } from './arguments.js';
import { assembleClient } from './client.js';
import type { Connect } from './connection.js';
import type { OpenLink } from './link.js';
import { mergeOptions, type Settings } from './settings.js';
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

/** Throws `TypeError` on bad options. `more` is what no application hands in. */
export const createFullClient = <Channels extends object = AnyChannels>(
  options: ClientOptions,
  connect?: Connect,
  more?: Partial<Settings>,
): Client<Channels> => {
  const settings: Settings = { ...mergeOptions(options), ...more };
  const transports = new Map<Transport, OpenLink>();
  for (const name of options.transports ?? (Object.keys(OPEN) as Transport[])) {
    if (!Object.hasOwn(OPEN, name)) misuse('transports', name, `one of ${Object.keys(OPEN).join(', ')}`);
    if (name !== 'websocket' || settings.WebSocket) transports.set(name, OPEN[name]);
  }
  if (!transports.size) misuse('transports', 'websocket', 'possible here without the option `WebSocket`');
  return assembleClient<Channels>(settings, [...transports.keys()], fallback(transports, settings), connect);
};
