// Bad inputs at a channel's own URL.

import type { HttpRow } from './bad-inputs-case.js';
import { rows } from './bad-inputs-http.js';

type Case = readonly [title: string, rest: Omit<HttpRow, 'kind' | 'group' | 'title'>];

const read = (title: string, path: string, status: number, code: HttpRow['expect']['code']): Case => [
  title,
  { method: 'GET', path: `/v1/channels/${path}`, expect: { status, ...(code !== undefined && { code }) } },
];
const asked = (query: string, code: HttpRow['expect']['code']): Case =>
  read(`\`GET /v1/channels/ok?${query}\``, `ok?${query}`, 400, code);

export const CHANNEL_ROWS = rows("HTTP: a channel's URL", [
  ...['PUT', 'POST'].map(
    (method): Case => [
      `\`${method} /v1/channels/ok\``,
      {
        method,
        path: '/v1/channels/ok',
        expect: { status: 405, code: 'method_not_allowed', headers: { Allow: /GET/ } },
      },
    ],
  ),
  [
    'a channel that is not public, without `Authorization`',
    { method: 'GET', path: '/v1/channels/ok', authorization: 'none', expect: { status: 401, code: 'token_missing' } },
  ],
  [
    '`DELETE /v1/channels/ok` without `Authorization`',
    {
      method: 'DELETE',
      path: '/v1/channels/ok',
      authorization: 'none',
      expect: { status: 401, code: 'token_missing' },
    },
  ],
  [
    '`DELETE /v1/channels/ok` with a ticket',
    { method: 'DELETE', path: '/v1/channels/ok', expect: { status: 403, code: 'forbidden' } },
  ],
  [
    '`DELETE /v1/channels/ok` with a publish key that has no right to delete',
    {
      method: 'DELETE',
      path: '/v1/channels/ok',
      authorization: 'backend',
      expect: { status: 403, code: 'forbidden' },
    },
  ],
  read('a channel that the ticket does not grant', 'secret', 403, 'forbidden_channel'),
  read('broken percent-encoding: `/v1/channels/%zz`', '%zz', 400, 'bad_encoding'),
  read('a name that is encoded twice', '%256fk', 400, 'bad_channel_name'),
  read('a slash in the name', 'ok%2Fok', 400, 'bad_channel_name'),
  read('a path below a channel', 'ok/ok', 404, 'not_found'),
  asked('offset=0', 'bad_offset'),
  asked('offset=-1&offset=-1', 'bad_parameter'),
  asked('offset=-1&last=1', 'bad_parameter'),
  asked('last=1001', 'bad_parameter'),
  asked('format=xml', 'bad_parameter'),
  asked('live=forever', 'bad_parameter'),
  asked('cursor=x', 'bad_parameter'),
  asked('offset=%zz', 'bad_encoding'),
  read('a parameter that is not known, and no UTF-8, is fine: `?utm=%E4&%zz=1`', 'ok?utm=%E4&%zz=1', 200, undefined),
  read(
    'an offset from before the history of the channel',
    'ok?offset=1000000000000-0000000000000000',
    410,
    'offset_unknown',
  ),
]);
