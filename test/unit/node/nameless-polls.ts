// What a poll without a token needs beside its node's channels: places, the client that it is, and a node that stays.

import { HttpClients } from '../../../src/node/clients/http-clients.js';
import { LinkCounts } from '../../../src/node/clients/link-counts.js';
import { NOBODY, Visitor } from '../../../src/node/clients/visitor.js';
import { PollPlaces } from '../../../src/node/transports/poll-places.js';

export function namelessPolls() {
  const clients = new HttpClients();
  const counts = new LinkCounts(0);
  const visitor = new Visitor(NOBODY, { address: '10.0.0.1', bearer: () => undefined });
  return {
    places: new PollPlaces({ isFull: () => false, counts, clients }),
    client: () => clients.see(visitor, 0),
    lifecycle: { isMoving: false },
    limit: FREE,
  };
}

/** Nobody pays for what is read. */
export const FREE = { charge: () => undefined, spend: () => undefined };
