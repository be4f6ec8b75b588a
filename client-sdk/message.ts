// What an application gets of a message's event.

import type { MessageEvent } from '../src/protocol/index.js';
import type { Message } from './types.js';

/** `mine` is what the ids of this client's links begin with; what it published by HTTP carries that alone. */
export const toMessage = (event: MessageEvent, mine: string | undefined): Message => {
  const { offset, from } = event;
  return {
    ...event,
    time: (offset && Number(offset.slice(0, 13))) as number | undefined,
    isOwn: !!from && from.connection.split('.')[0] === mine,
  };
};
