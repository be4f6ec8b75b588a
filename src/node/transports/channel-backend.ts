// What a backend does at a channel's own URL with its key: it reads as others do and is not counted, and deletes.

import type { Identity } from '../../auth/identity.js';
import type { PublishKey } from '../../config/key-list.js';
import { requireKeyRight } from '../../http/publish-keys.js';
import { FanfareError } from '../../lib/errors.js';
import type { SubjectKeys } from '../../limits/subject-limit.js';
import { type ChannelRead, channelNameProblem, type Decoded, MEDIA_TYPES } from '../../protocol/index.js';
import type { Eraser } from '../channels/eraser.js';
import { HttpClient } from '../clients/http-clients.js';
import { NOBODY } from '../clients/visitor.js';
import type { HttpCall } from './call.js';
import { decoded, type Entrant } from './entry.js';

const NOBODY_COUNTED: SubjectKeys = {};
const DELETED = { 'Cache-Control': 'no-store' } as const;
const PENDING = { ...DELETED, 'Content-Type': MEDIA_TYPES.json } as const;

/** Throws what is wrong with the request, or with the key for it. */
export function backendReader(
  call: HttpCall,
  key: PublishKey,
  decode: (query: string) => Decoded<ChannelRead>,
): Entrant<ChannelRead> {
  const request = decoded(decode(call.exchange.query));
  requireKeyRight(key, 'read', request.channel);
  const identity: Identity = { ...NOBODY, kind: 'token', grants: { ...NOBODY.grants, subscribe: key.patterns } };
  call.letIn(identity);
  const client = new HttpClient({ ticket: '', user: '', isExclusive: false });
  return { call, identity, client, keys: NOBODY_COUNTED, request, paid: 0 };
}

/** Deletes the channel's history: `204`, or `202` with the nodes that may still hold some. Throws where the key may not. */
export function deleteHistory(call: HttpCall, key: PublishKey, channel: string, eraser: Eraser): void {
  const problem = channelNameProblem(channel);
  if (problem !== undefined) throw new FanfareError('bad_channel_name', problem);
  requireKeyRight(key, 'delete', channel);
  call.letIn({ user: null });
  eraser
    .erase(channel)
    .then((pending) => {
      if (pending === undefined) call.respond(204, DELETED);
      else call.respond(202, PENDING, JSON.stringify({ channel, pending }));
    })
    .catch((error: unknown) => call.fail(error));
}
