// What an application gets of a message's event.

import type { MessageEvent } from '../src/protocol/index.js';
import type { Message } from './types.js';

/** `mine` is what the ids of this client's links begin with; what it published by HTTP carries that alone. */
export const toMessage = (event: MessageEvent, mine: string | undefined): Message => {
  const { offset, from } = event;
  // A backend may have named a sender of its own making.
  const sender: unknown = from?.connection;
  return {
    ...event,
    time: (offset && +offset.slice(0, 13)) as number | undefined,
    isOwn: typeof sender === 'string' && sender.split('.')[0] === mine,
  };
};
