// Requests of node:http that end its parser where too many stand behind an answer, and are upgrades only where they shall be.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { GatheringIncoming } from './gathering-incoming.js';
import type { OneAnswer } from './one-answer.js';

/** Symbols, since node:http says it before there are fields; most requests have neither. */
const OFFERS = Symbol('offers an upgrade');
const TOO_MANY = Symbol('one too many');

type RequestClass = new (socket: Socket) => IncomingMessage;

/**
 * The class that `createServer` takes. Its parser goes on with all that it has read, thousands of requests in one turn, and stops
 * at an upgrade alone: so the first request for which there is no room comes as one, on `upgrade`, where `answers` is full then.
 * Of what offers an upgrade `takes` says whether it is one; else it comes as a request, with its body.
 */
export function countedIncoming(answers: OneAnswer, takes: (request: IncomingMessage) => boolean): RequestClass {
  return class CountedIncoming extends GatheringIncoming {
    declare [OFFERS]?: boolean;
    declare [TOO_MANY]?: boolean;

    get upgrade(): boolean {
      return this[TOO_MANY] === true || (this[OFFERS] === true && takes(this));
    }

    set upgrade(offers: boolean | null) {
      if (offers) this[OFFERS] = true;
      if (answers.isFull(this.socket)) this[TOO_MANY] = true;
    }
  };
}
