// Bad inputs over HTTP: authorization, paths, methods and headers.

import type { HttpRow } from './bad-inputs-case.js';

export type Rest = Omit<HttpRow, 'kind' | 'group' | 'title'>;
export const rows = (group: string, list: readonly (readonly [title: string, rest: Rest])[]): readonly HttpRow[] =>
  list.map(([title, rest]) => ({ kind: 'http', group, title, ...rest }));

export const poll = (body: unknown, code: HttpRow['expect']['code'], status = 400): Rest => ({
  path: '/v1/poll',
  body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  expect: { status, ...(code !== undefined && { code }) },
});
export const publish = (body: unknown, code: HttpRow['expect']['code'], status = 400): Rest => ({
  ...poll(body, code, status),
  path: '/v1/publish',
  authorization: 'backend',
});

const AUTHORIZATION = rows('HTTP: authorization', [
  [
    '`POST /v1/connect` without `Authorization`',
    {
      path: '/v1/connect',
      authorization: 'none',
      expect: { status: 401, code: 'token_missing', headers: { 'WWW-Authenticate': /^Bearer/ } },
    },
  ],
  [
    '`POST /v1/ticket` without `Authorization`',
    { path: '/v1/ticket', authorization: 'none', expect: { status: 401, code: 'token_missing' } },
  ],
  [
    '`POST /v1/poll` of a channel that is not public without `Authorization`',
    { ...poll({ channels: { ok: 'now' } }, 'token_missing', 401), authorization: 'none' },
  ],
  [
    '`POST /v1/publish` without `Authorization`',
    { ...publish({ channel: 'ok', data: 1 }, 'token_missing', 401), authorization: 'none' },
  ],
  [
    '`Authorization: Basic …`',
    {
      path: '/v1/connect',
      authorization: ['Basic dXNlcjpwYXNz'],
      expect: { status: 401, code: 'token_malformed', headers: { 'WWW-Authenticate': /^Bearer/ } },
    },
  ],
  [
    '`Bearer` with nothing behind it',
    { path: '/v1/connect', authorization: ['Bearer'], expect: { status: 401, code: 'token_malformed' } },
  ],
  [
    'two `Authorization` headers',
    {
      path: '/v1/connect',
      authorization: ['Bearer a.b.c', 'Bearer d.e.f'],
      expect: { status: 401, code: 'token_malformed' },
    },
  ],
  [
    'a publish key that is not one',
    {
      ...publish({ channel: 'ok', data: 1 }, 'token_malformed', 401),
      authorization: ['Bearer not-the-publish-key'],
    },
  ],
  [
    '`GET /v1/nodes` without the admin key',
    { method: 'GET', path: '/v1/nodes', authorization: 'none', expect: { status: 401, code: 'token_missing' } },
  ],
  [
    "`GET /v1/nodes` with a user's token",
    { method: 'GET', path: '/v1/nodes', expect: { status: 403, code: 'forbidden' } },
  ],
  [
    'a channel that the ticket does not grant, in a poll',
    poll({ channels: { ok: 'now', secret: 'now' } }, 'forbidden_channel', 403),
  ],
  [
    'a channel that begins like a granted one (`only` is granted, `only1` is asked for)',
    poll({ channels: { only1: 'now' } }, 'forbidden_channel', 403),
  ],
  [
    'a channel that the ticket does not grant, in a stream',
    { ...poll({ channels: { secret: 'now' } }, 'forbidden_channel', 403), path: '/v1/stream' },
  ],
  [
    'publishing without a grant',
    { ...publish({ channel: 'secret', data: 1 }, 'forbidden', 403), authorization: 'user' },
  ],
]);

const PATHS = rows('HTTP: paths, methods, headers', [
  ['an unknown path', { method: 'GET', path: '/v1/nothing', expect: { status: 404, code: 'not_found' } }],
  ...['connect', 'ticket', 'poll', 'stream', 'publish'].map((name): readonly [string, Rest] => [
    `\`GET /v1/${name}\``,
    {
      method: 'GET',
      path: `/v1/${name}`,
      expect: { status: 405, code: 'method_not_allowed', headers: { Allow: /POST/ } },
    },
  ]),
  [
    '`DELETE /v1/poll`',
    {
      method: 'DELETE',
      path: '/v1/poll',
      expect: { status: 405, code: 'method_not_allowed', headers: { Allow: /POST/ } },
    },
  ],
  [
    'broken percent-encoding in a path: `/v1/nodes/%zz/drain`',
    { path: '/v1/nodes/%zz/drain', authorization: 'admin', expect: { status: 400, code: 'bad_encoding' } },
  ],
  [
    'a node that does not exist',
    { path: '/v1/nodes/nobody/drain', authorization: 'admin', expect: { status: 404, code: 'not_found' } },
  ],
  [
    'a URL of 5,000 bytes',
    { method: 'GET', path: `/${'u'.repeat(4_999)}`, expect: { status: 414, code: 'uri_too_long' } },
  ],
  [
    'a header of 20,000 bytes',
    { method: 'GET', path: '/livez', headers: { 'X-Long': 'h'.repeat(20_000) }, expect: { status: 431 } },
  ],
  [
    'a header of 5,000 bytes is fine',
    { method: 'GET', path: '/livez', headers: { 'X-Long': 'h'.repeat(5_000) }, expect: { status: 200 } },
  ],
  ...(
    [
      ['another origin', 'https://evil.example'],
      ['an origin that begins like an allowed one', 'https://app.example.com.evil'],
      ['the origin `null`', 'null'],
      ['an allowed origin with another scheme', 'http://app.example.com'],
      ['an allowed origin with another port', 'https://app.example.com:8443'],
    ] as const
  ).map(([title, origin]): readonly [string, Rest] => [
    `${title}, on \`/v1/poll\``,
    {
      ...poll({ channels: { ok: 'now' } }, 'origin_denied', 403),
      headers: { Origin: origin },
      expect: { status: 403, code: 'origin_denied', without: ['access-control-allow-origin'] },
    },
  ]),
  [
    'another origin, on `/v1/connect`',
    {
      path: '/v1/connect',
      headers: { Origin: 'https://evil.example' },
      expect: { status: 403, code: 'origin_denied', without: ['access-control-allow-origin'] },
    },
  ],
  [
    'two `Origin` headers',
    {
      path: '/v1/connect',
      headers: { Origin: ['https://app.example.com', 'https://evil.example'] },
      expect: { status: 403, code: 'origin_denied', without: ['access-control-allow-origin'] },
    },
  ],
  [
    'a CORS preflight from another origin',
    {
      method: 'OPTIONS',
      path: '/v1/connect',
      headers: { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' },
      expect: { status: 403, code: 'origin_denied', without: ['access-control-allow-origin'] },
    },
  ],
  ...['poll', 'connect'].map((name): readonly [string, Rest] => [
    `\`Expect: something\` on \`/v1/${name}\` is not looked at`,
    {
      path: `/v1/${name}`,
      body: JSON.stringify({ channels: { ok: 'now' } }),
      headers: { Expect: 'something', Origin: 'https://app.example.com' },
      expect: { status: 200, headers: { 'Access-Control-Allow-Origin': /^https:\/\/app\.example\.com$/ } },
    },
  ]),
  [
    'an error for an allowed origin can be read by its page',
    {
      path: '/v1/poll',
      headers: { Origin: 'https://app.example.com' },
      body: '{',
      expect: {
        status: 400,
        code: 'body_not_json',
        headers: {
          'Access-Control-Allow-Origin': /^https:\/\/app\.example\.com$/,
          'Access-Control-Expose-Headers': /Retry-After/,
          Vary: /Origin/,
        },
      },
    },
  ],
  [
    'a plain `GET` on the WebSocket path',
    { method: 'GET', path: '/v1/ws', expect: { status: 426, code: 'upgrade_required' } },
  ],
  [
    'a `POST` on the WebSocket path',
    {
      path: '/v1/ws',
      body: '{}',
      expect: { status: 426, code: 'upgrade_required', headers: { Upgrade: /websocket/ } },
    },
  ],
]);

export const HTTP_ROWS: readonly HttpRow[] = [...AUTHORIZATION, ...PATHS];
