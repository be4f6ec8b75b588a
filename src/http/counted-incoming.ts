// Requests of node:http that end its parser where too many stand behind an answer, and are upgrades only where they shall be.

import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { OneAnswer } from './one-answer.js';

/** No fields: node:http says it before there are any. */
const offering = new WeakSet<IncomingMessage>();
const tooMany = new WeakSet<IncomingMessage>();

type RequestClass = new (socket: Socket) => IncomingMessage;

/**
 * The class that `createServer` takes. Its parser goes on with all that it has read, thousands of requests in one turn, and stops
 * at an upgrade alone: so the first request for which there is no room comes as one, on `upgrade`, where `answers` is full then.
 * Of what offers an upgrade `takes` says whether it is one; else it comes as a request, with its body.
 */
export function countedIncoming(answers: OneAnswer, takes: (request: IncomingMessage) => boolean): RequestClass {
  return class CountedIncoming extends IncomingMessage {
    get upgrade(): boolean {
      return tooMany.has(this) || (offering.has(this) && takes(this));
    }

    set upgrade(offers: boolean | null) {
      if (offers) offering.add(this);
      else offering.delete(this);
      if (answers.isFull(this.socket)) tooMany.add(this);
    }
  };
}
