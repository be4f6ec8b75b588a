// Bad inputs over HTTP: what bodies say to discovery, polls, streams and publishing.

import { poll, publish, type Rest, rows } from './bad-inputs-http.js';

const POSITIONS = { features: ['positions'] };
const GOOD_OFFSET = '1795342704012-0000433091248128';
/** 65,537 bytes. */
const LARGE = `{"channels":{"ok":"now"},"more":"${'x'.repeat(65_502)}"}`;
/** `{"channel":"ok","data":"…"}` with bytes in its middle that are no UTF-8: a stray one, an overlong slash, a surrogate. */
const notUtf8 = (head: string): readonly (readonly [string, Uint8Array])[] =>
  (
    [
      ['a byte that begins nothing', [0xe9]],
      ['an overlong `/`', [0xc0, 0xaf]],
      ['half a surrogate', [0xed, 0xa0, 0x80]],
      ['a character that is cut', [0xe2, 0x82]],
    ] as const
  ).map(([title, bytes]) => [title, Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from('"}')])]);
const typed = (type: string): Rest => ({
  ...publish({ channel: 'ok', data: 'x' }, 'unsupported_media_type', 415),
  headers: { 'Content-Type': type },
});
const about = (channel: string, rest: Rest): Rest => ({ ...rest, expect: { ...rest.expect, channels: [channel] } });
const encoded = (rest: Rest, encoding: string): Rest => ({ ...rest, headers: { 'Content-Encoding': encoding } });
const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const manyChannels = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`ok-${index}`, 'now']));

const OK_MESSAGE = { channel: 'ok', data: 1 };

export const BODY_ROWS = rows('HTTP: bodies', [
  [
    'a publish with `Content-Type: text/plain`',
    {
      ...publish({ channel: 'ok', data: 1 }, 'unsupported_media_type', 415),
      headers: { 'Content-Type': 'text/plain' },
    },
  ],
  [
    'a poll with `Content-Type: application/x-www-form-urlencoded`',
    {
      ...poll('channels=ok', 'unsupported_media_type', 415),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    },
  ],
  ...['iso-8859-1', 'utf-16', '"latin1"', 'utf-8; charset=us-ascii'].map((charset): readonly [string, Rest] => [
    `a publish with \`Content-Type: application/json; charset=${charset}\``,
    typed(`application/json; charset=${charset}`),
  ]),
  ['a publish with `Content-Type: application/jsonp`', typed('application/jsonp')],
  ...[';\tcharset=utf-16', ';charset\t=latin1', "; charset*=utf-16''x", '; charset'].map(
    (parameters): readonly [string, Rest] => [
      `a publish with \`Content-Type: application/json${parameters.replace('\t', '<TAB>')}\``,
      typed(`application/json${parameters}`),
    ],
  ),
  ...[
    '; charset=utf-8',
    '; charset="UTF-8"',
    '; charset=utf8; version=1',
    ';\tcharset="utf\\-8"',
    '; v="; charset=x"',
  ].map((parameters): readonly [string, Rest] => [
    `a publish with \`Content-Type: application/json${parameters.replace('\t', '<TAB>')}\` is fine`,
    { ...typed(`application/json${parameters}`), expect: { status: 200 } },
  ]),
  ...['gzip', 'br', 'deflate, gzip'].map((encoding): readonly [string, Rest] => [
    `a publish with \`Content-Encoding: ${encoding}\``,
    encoded(publish({ channel: 'ok', data: 'x' }, 'unsupported_media_type', 415), encoding),
  ]),
  [
    'a poll with `Content-Encoding: gzip`',
    encoded(poll({ channels: { ok: 'now' } }, 'unsupported_media_type', 415), 'gzip'),
  ],
  [
    'a stream with `charset=iso-8859-1`',
    { ...typed('application/json; charset=iso-8859-1'), path: '/v1/stream', authorization: 'user' },
  ],
  ...['connect', 'ticket'].map((name): readonly [string, Rest] => [
    `\`POST /v1/${name}\` with \`Content-Encoding: gzip\``,
    encoded({ ...poll({}, 'unsupported_media_type', 415), path: `/v1/${name}` }, 'gzip'),
  ]),
  ...[' charset=iso-8859-1', '\tcharset=utf-16'].map((parameter): readonly [string, Rest] => [
    `\`POST /v1/connect\` with \`application/json;${parameter.replace('\t', '<TAB>')}\``,
    { ...typed(`application/json;${parameter}`), path: '/v1/connect', authorization: 'user' },
  ]),
  ...notUtf8('{"channel":"ok","data":"').map(([title, body]): readonly [string, Rest] => [
    `bytes that are not UTF-8 in a publish: ${title}`,
    publish(body, 'body_not_json'),
  ]),
  ...['poll', 'stream', 'connect', 'ticket'].map((name): readonly [string, Rest] => [
    `bytes that are not UTF-8, on \`/v1/${name}\``,
    { ...poll(notUtf8('{"channels":{"ok":"now"},"more":"')[0]?.[1] ?? '', 'body_not_json'), path: `/v1/${name}` },
  ]),
  ['UTF-16 without a word', publish(Buffer.from('{"channel":"ok","data":"x"}', 'utf16le'), 'body_not_json')],
  ['an empty body, on publish', publish('', 'body_missing')],
  ['an empty body, on poll', poll('', 'body_missing')],
  ['a body one byte over the limit', publish(`"${'x'.repeat(1024 * 1024 - 1)}"`, 'payload_too_large', 413)],
  [
    'the same without `Content-Length`',
    { ...publish(`"${'x'.repeat(1024 * 1024 - 1)}"`, 'payload_too_large', 413), chunked: true },
  ],
  ['a body one byte over 64 KiB, on poll', poll(LARGE, 'payload_too_large', 413)],
  [
    'the same on stream, without `Content-Length`',
    { ...poll(LARGE, 'payload_too_large', 413), path: '/v1/stream', chunked: true },
  ],
  ['`data` over 64 KiB', publish({ channel: 'ok', data: 'x'.repeat(65_536) }, 'payload_too_large', 413)],
  ['broken JSON: `{`', poll('{', 'body_not_json')],
  ["broken JSON: `{'channels':{}}`", poll("{'channels':{}}", 'body_not_json')],
  ['an array', poll('[]', 'not_an_object')],
  ['`null`', publish('null', 'not_an_object')],
  ['17 levels of nesting', publish(`{"channel":"ok","data":${deep(16)}}`, 'bad_request')],
  ['`[` × 16,000', poll('['.repeat(16_000), 'bad_request')],
  ['a poll without `channels`', poll({}, 'bad_field')],
  ['a poll with `channels` an array', poll({ channels: ['ok'] }, 'bad_field')],
  ['a poll with no channel in `channels`', poll({ channels: {} }, 'bad_field')],
  ['a poll of 129 channels', poll({ channels: manyChannels(129) }, 'too_many_channels')],
  ...['-2', '1.5', '5', '9'.repeat(40), null, {}, 5, '0-0', `${GOOD_OFFSET} `].map((after): readonly [string, Rest] => [
    `a poll after \`${JSON.stringify(after)}\``,
    poll({ channels: { ok: after } }, 'bad_offset'),
  ]),
  ...[-1, 60_001, 1.5, '25000', null, true, [0], {}].map((waitMs): readonly [string, Rest] => [
    `a poll with \`waitMs: ${JSON.stringify(waitMs)}\``,
    poll({ channels: { ok: 'now' }, waitMs }, 'bad_field'),
  ]),
  ...[0, 1_048_577, 1.5, '1024', null].map((maxBytes): readonly [string, Rest] => [
    `a poll with \`maxBytes: ${JSON.stringify(maxBytes)}\``,
    poll({ channels: { ok: 'now' }, maxBytes }, 'bad_field'),
  ]),
  ['a bad channel name in a poll', poll({ channels: { 'a b': 'now' } }, 'bad_channel_name')],
  ['a publish without `channel`', publish({ data: 1 }, 'bad_channel_name')],
  ['a publish without `data`', publish({ channel: 'ok' }, 'bad_field')],
  ['a poll from `last` without the feature', poll({ channels: { ok: { last: 1 } } }, 'bad_offset')],
  ['a poll from `after` and `last`', poll({ channels: { ok: { after: 'now', last: 1 } }, ...POSITIONS }, 'bad_field')],
  [
    'a poll of several channels from a `last` that is none, named by its channel',
    about('ok-1', poll({ channels: { ok: 'now', 'ok-1': { last: 'x' } }, ...POSITIONS }, 'bad_field')),
  ],
  ['a poll with a `maxPerSecond` of 0', poll({ channels: { ok: { maxPerSecond: 0 } }, ...POSITIONS }, 'bad_field')],
  ['`history` that is neither true nor false', publish({ channel: 'ok', data: 1, history: null }, 'bad_field')],
  ['a key for what nobody keeps', publish({ channel: 'ok', data: 1, history: false, key: 'k' }, 'bad_field')],
  ['replicas for what nobody keeps', publish({ channel: 'ok', data: 1, history: false, waitReplicas: 1 }, 'bad_field')],
  ['a publish with `channel` and `channels`', publish({ channel: 'ok', channels: ['ok'], data: 1 }, 'bad_field')],
  ['a publish with no channel in `channels`', publish({ channels: [], data: 1 }, 'bad_field')],
  ['a publish on 1,001 channels', publish({ channels: Array(1_001).fill('ok'), data: 1 }, 'bad_field')],
  ['a bad channel name in `channels`', publish({ channels: ['ok', 'a b'], data: 1 }, 'bad_channel_name')],
  ['a publish with `channels` and no `data`', publish({ channels: ['ok'] }, 'bad_field')],
  ['a publish with `messages` that is no array', publish({ messages: { channel: 'ok', data: 1 } }, 'bad_field')],
  ['a publish with no message in `messages`', publish({ messages: [] }, 'bad_field')],
  ['a message of several that is no object', publish({ messages: [7] }, 'not_an_object')],
  ['a message of several without `data`', publish({ messages: [{ channel: 'ok' }] }, 'bad_field')],
  ['several messages with `data` beside them', publish({ messages: [OK_MESSAGE], data: 1 }, 'bad_field')],
  ['several messages with `history` beside them', publish({ messages: [OK_MESSAGE], history: false }, 'bad_field')],
  [
    'several messages that wait for replicas, and one that nobody keeps',
    publish({ messages: [OK_MESSAGE, { ...OK_MESSAGE, history: false }], waitReplicas: 1 }, 'bad_field'),
  ],
  [
    'a bad key in `messages`, named by its place',
    about('ok-1', publish({ messages: [OK_MESSAGE, { channel: 'ok-1', data: 1, key: 'a b' }] }, 'bad_idempotency_key')),
  ],
  ...['', 'k'.repeat(300), 'schlüssel', 'a b', 7].map((key): readonly [string, Rest] => [
    `the idempotency key ${String(key).length > 20 ? 'of 300 characters' : `\`${JSON.stringify(key)}\``}`,
    publish({ channel: 'ok', data: 1, key }, 'bad_idempotency_key'),
  ]),
  ...[-1, 1.5, 99, '1', null].map((waitReplicas): readonly [string, Rest] => [
    `a publish with \`waitReplicas: ${JSON.stringify(waitReplicas)}\``,
    publish({ channel: 'ok', data: 1, waitReplicas }, 'bad_field'),
  ]),
  [
    'a publish of a client with `waitReplicas` above the number of the node',
    { ...publish({ channel: 'ok', data: 1, waitReplicas: 1 }, 'forbidden', 403), authorization: 'user' },
  ],
  [
    'a publish of a backend with `waitReplicas: 1` where there is no replica',
    {
      ...publish({ channel: 'ok', data: 1, waitReplicas: 1 }, 'replicas_unavailable', 503),
      expect: { status: 503, code: 'replicas_unavailable', headers: { 'Retry-After': /^\d+$/ } },
    },
  ],
  [
    '`exclude` of 9 nodes',
    {
      path: '/v1/connect',
      body: JSON.stringify({ exclude: Array(9).fill('n') }),
      expect: { status: 400, code: 'bad_field' },
    },
  ],
  [
    '`exclude` that is no array',
    { path: '/v1/connect', body: '{"exclude":"n1"}', expect: { status: 400, code: 'bad_field' } },
  ],
  [
    'only unknown `transports`',
    { path: '/v1/connect', body: '{"transports":["pigeon"]}', expect: { status: 400, code: 'bad_field' } },
  ],
  ['broken JSON for discovery', { path: '/v1/connect', body: '{', expect: { status: 400, code: 'body_not_json' } }],
]);
