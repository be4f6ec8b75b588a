// Bad inputs on a WebSocket: JSON text that is no good command.

import type { SocketRow } from './bad-inputs-case.js';

type Rest = Omit<SocketRow, 'kind' | 'group' | 'title'>;
const rows = (group: string, list: readonly (readonly [title: string, rest: Rest])[]): readonly SocketRow[] =>
  list.map(([title, rest]) => ({ kind: 'socket', group, title, ...rest }));

const frame = (text: string | Uint8Array, code: SocketRow['expect']['code'], message?: RegExp): Rest => ({
  frames: [text],
  expect: { ...(code !== undefined && { code }), ...(message !== undefined && { message }) },
});
const command = (fields: object, code: SocketRow['expect']['code'], message?: RegExp): Rest =>
  frame(JSON.stringify({ id: 7, ...fields }), code, message);
const subscribe = (channels: unknown, code: SocketRow['expect']['code'], message?: RegExp): Rest =>
  command({ type: 'subscribe', channels }, code, message);
const publish = (fields: object, code: SocketRow['expect']['code'], message?: RegExp): Rest =>
  command({ type: 'publish', channel: 'ok', data: 1, ...fields }, code, message);
const channels = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`ok-${index}`, 'now']));
/** A frame of exactly `bytes` bytes. */
const frameOf = (bytes: number): string => {
  const empty = JSON.stringify({ type: 'publish', id: 7, channel: 'ok', data: '' });
  return empty.replace('""', `"${'x'.repeat(bytes - empty.length)}"`);
};

const HANDSHAKE = rows('WebSocket: handshake and frames', [
  [
    'no valid `connect` for the handshake timeout',
    { connect: false, frames: ['{"type":"subscribe","id":1,"channels":{"ok":"now"}}'], expect: { close: 4003 } },
  ],
  [
    'a command before `connect`',
    { ...command({ type: 'subscribe', channels: { ok: 'now' } }, 'not_connected'), connect: false },
  ],
  ['a second `connect`', command({ type: 'connect', version: 1, token: 'a.b.c' }, 'already_connected')],
  [
    '`connect` without a ticket',
    {
      connect: false,
      frames: ['{"type":"connect","id":1,"version":1}'],
      expect: { code: 'token_missing', close: 4501 },
    },
  ],
  [
    '`connect` with a ticket that is none',
    {
      connect: false,
      frames: ['{"type":"connect","id":1,"version":1,"token":"nonsense"}'],
      expect: { code: 'token_malformed', close: 4501 },
    },
  ],
  [
    '`connect` with `version: 2`',
    {
      connect: false,
      frames: ['{"type":"connect","id":1,"version":2,"token":"a.b.c"}'],
      expect: { code: 'unsupported_version', close: 4505 },
    },
  ],
  [
    '`connect` with `version: "1"`',
    {
      connect: false,
      frames: ['{"type":"connect","id":1,"version":"1","token":"a.b.c"}'],
      expect: { code: 'bad_field', message: /"version"/ },
    },
  ],
  ['a binary frame', { frames: [Buffer.from('{"type":"x","id":1}')], expect: { close: 4500 } }],
  ['a frame of 65,537 bytes', { frames: [frameOf(65_537)], expect: { close: 4504 } }],
  ['`data` over 64 KiB fits no frame', { frames: [frameOf(65_536 + 100)], expect: { close: 4504 } }],
  ['a refresh with a token that is none', command({ type: 'refresh', token: 'nonsense' }, 'token_malformed')],
  ['a refresh without a token', command({ type: 'refresh' }, 'token_missing')],
]);

const NOT_JSON: readonly string[] = [
  '{',
  '',
  '{"type":"publish","id":1,}',
  '{"type":"x","id":NaN}',
  "{'type':'x'}",
  '\uFEFF{"id":1}',
];

const JSON_ROWS = rows('WebSocket: JSON', [
  ...NOT_JSON.map((text): readonly [string, Rest] => [
    text === '' ? 'an empty frame' : `\`${text.replace('\uFEFF', 'BOM ')}\``,
    frame(text, 'message_not_json'),
  ]),
  ...['null', '[]', '"x"', '1', 'true'].map((text): readonly [string, Rest] => [
    `\`${text}\``,
    frame(text, 'not_an_object'),
  ]),
  ['`[` × 16,000', frame('['.repeat(16_000), 'bad_request', /^.{1,100}$/)],
  ['17 levels of nesting', publish({ data: JSON.parse(`${'['.repeat(16)}${']'.repeat(16)}`) }, 'bad_request')],
  ['no `type`', command({}, 'unknown_type', /connect, subscribe/)],
  ['an unknown `type`', command({ type: 'shout' }, 'unknown_type', /connect, subscribe.*"shout"/)],
  ['a `ping` of who did not ask for the feature', command({ type: 'ping' }, 'unknown_type', /"ping"/)],
  ['a `quiet` of who did not ask for it', command({ type: 'quiet', heartbeatMs: 5_000 }, 'unknown_type')],
  ['a `type` that is no string', command({ type: {} }, 'unknown_type')],
  ...['__proto__', 'constructor', 'toString'].map((type): readonly [string, Rest] => [
    `\`type: "${type}"\``,
    command({ type }, 'unknown_type'),
  ]),
  ['`{"__proto__":{"type":"publish","id":1}}`', frame('{"__proto__":{"type":"publish","id":1}}', 'bad_id')],
  [
    'duplicate keys: the last counts',
    frame('{"id":7,"type":"publish","channel":"ok","data":1,"type":"shout"}', 'unknown_type', /shout/),
  ],
  ...[undefined, 0, -1, 1.5, '1', {}, null, 1e300].map((id): readonly [string, Rest] => [
    id === undefined ? 'no `id`' : `\`id: ${JSON.stringify(id)}\``,
    frame(JSON.stringify({ type: 'subscribe', id, channels: { ok: 'now' } }), 'bad_id'),
  ]),
  [
    'integer-like keys that collide, 60 KiB of them',
    frame(
      `{"id":7,"type":"shout",${Array.from({ length: 4_500 }, (_, index) => `"${index * 65_536}":1`).join(',')}}`,
      'unknown_type',
    ),
  ],
]);

const BAD_NAMES: readonly (readonly [title: string, name: unknown])[] = [
  ['an empty channel name', ''],
  ['a channel name of 201 bytes', 'c'.repeat(201)],
  ['a channel name with a control character', 'a\u0007b'],
  ['a channel name with a lone surrogate', 'a\ud800'],
  ['a channel name with a right-to-left mark', 'a\u200fb'],
  ...['*', 'a{b', '}{', '{news}', 'a b', '.', '..', ':x', 'x:', 'a/b', 'a,b', 'ä'].map(
    (name) => [`the channel name \`${name}\``, name] as const,
  ),
];

const CHANNELS = rows('WebSocket: channels and positions', [
  ...BAD_NAMES.map(([title, name]): readonly [string, Rest] => [
    title,
    subscribe({ [String(name)]: 'now' }, 'bad_channel_name', /channel name/),
  ]),
  ['`channel: 5` in a publish', publish({ channel: 5 }, 'bad_channel_name')],
  ['`channel: "__proto__"` is only a name, and not granted', publish({ channel: '__proto__' }, 'forbidden')],
  ['`channels` missing', subscribe(undefined, 'bad_field', /"channels"/)],
  ['`channels` an array in a subscribe', subscribe(['ok'], 'bad_field', /"channels"/)],
  ['`channels` empty', subscribe({}, 'bad_field', /"channels"/)],
  ['129 channels in one subscribe', subscribe(channels(129), 'too_many_channels', /128.*129/)],
  [
    'a 129th channel',
    {
      frames: [
        JSON.stringify({ type: 'subscribe', id: 1, channels: channels(128) }),
        '{"type":"subscribe","id":7,"channels":{"ok-more":"now"}}',
      ],
      expect: { code: 'too_many_channels', channel: 'ok-more' },
    },
  ],
  ['`channels` an object in an unsubscribe', command({ type: 'unsubscribe', channels: { ok: 'now' } }, 'bad_field')],
  ['unsubscribing from what is not subscribed', command({ type: 'unsubscribe', channels: ['ok'] }, 'not_subscribed')],
  ['a channel that is not granted', subscribe({ secret: 'now' }, 'forbidden_channel')],
  ['a channel that begins like a granted one', subscribe({ only1: 'now' }, 'forbidden_channel')],
  ...['-2', '1.5', '5', '', '9'.repeat(40), null, {}, 5, true, 'NOW', { last: 5 }].map(
    (after): readonly [string, Rest] => [
      `subscribing after \`${JSON.stringify(after)}\``,
      subscribe({ ok: after }, 'bad_offset', /"now" or an offset/),
    ],
  ),
]);

const PUBLISHING = rows('WebSocket: publishing and rates', [
  ['a publish without `data`', publish({ data: undefined }, 'bad_field', /"data"/)],
  ...[{ channels: ['ok'] }, { messages: [] }].map((reserved): readonly [string, Rest] => [
    `a publish with \`${Object.keys(reserved).join()}\`, which is reserved`,
    publish(reserved, 'bad_field', /is reserved/),
  ]),
  ['a publish without a grant', publish({ channel: 'secret' }, 'forbidden')],
  ['a publish that nobody keeps, without a grant for it', publish({ history: false }, 'forbidden', /publishing live/)],
  [
    '`history` that is neither true nor false',
    publish({ history: 0 }, 'bad_field', /"history": expected true or false/),
  ],
  ['a key for what nobody keeps', publish({ history: false, key: 'k' }, 'bad_field', /"key": .* without history/)],
  ['an empty idempotency key', publish({ key: '' }, 'bad_idempotency_key')],
  ['an idempotency key of 129 characters', publish({ key: 'k'.repeat(129) }, 'bad_idempotency_key')],
  ['an idempotency key that is not ASCII', publish({ key: 'schlüssel' }, 'bad_idempotency_key')],
  ...[-1, 1.5, 99, '1', null].map((waitReplicas): readonly [string, Rest] => [
    `a publish with \`waitReplicas: ${JSON.stringify(waitReplicas)}\``,
    publish({ waitReplicas }, 'bad_field', /"waitReplicas": expected an integer from 0 to 5/),
  ]),
  [
    'a publish with `waitReplicas` above the number of the node',
    publish({ waitReplicas: 1 }, 'forbidden', /"waitReplicas": the token may ask for 0 at most, got 1/),
  ],
  [
    'other data under a key that was used',
    {
      frames: [
        '{"type":"publish","id":1,"channel":"ok","data":1,"key":"used"}',
        '{"type":"publish","id":7,"channel":"ok","data":2,"key":"used"}',
      ],
      expect: { code: 'idempotency_conflict' },
    },
  ],
  ['presence, where none is kept', command({ type: 'presence', channel: 'ok' }, 'forbidden')],
  [
    'a burst of 60 commands',
    {
      frames: Array.from({ length: 60 }, (_, index) => `{"type":"unsubscribe","id":${index + 1},"channels":["ok"]}`),
      expect: { code: 'rate_limited' },
    },
  ],
  [
    '400 commands without a pause',
    {
      frames: Array.from({ length: 400 }, (_, index) => `{"type":"unsubscribe","id":${index + 1},"channels":["ok"]}`),
      expect: { close: 4004 },
    },
  ],
]);

export const SOCKET_ROWS: readonly SocketRow[] = [...HANDSHAKE, ...JSON_ROWS, ...CHANNELS, ...PUBLISHING];
