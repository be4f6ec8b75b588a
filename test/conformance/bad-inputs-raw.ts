// Bad inputs below HTTP and WebSocket: bytes on a TCP connection.

import { closeFrame, frame, frameHead } from '../support/web-socket-frames.js';
import type { RawRow } from './bad-inputs-case.js';

type Rest = Omit<RawRow, 'kind' | 'group' | 'title' | 'open'>;
const rows = (
  group: string,
  open: boolean,
  list: readonly (readonly [title: string, rest: Rest])[],
): readonly RawRow[] => list.map(([title, rest]) => ({ kind: 'raw', group, title, open, ...rest }));

const HOST = 'Host: localhost\r\n';
const GET = `GET /livez HTTP/1.1\r\n${HOST}`;
const POST = `POST /v1/publish HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
const refused = (...segments: readonly (string | Uint8Array)[]): Rest => ({ segments, expect: 'refused' });
const ignored = (...segments: readonly (string | Uint8Array)[]): Rest => ({ segments, expect: 'ignored' });
const headers = (count: number): string =>
  Array.from({ length: count }, (_, index) => `X-${index}: ${index}\r\n`).join('');
const upgrade = (lines: string, rest = ''): string =>
  `GET /v1/ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n${lines}${rest}\r\n`;
const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const VERSION = 'Sec-WebSocket-Version: 13\r\n';

const BEFORE_HTTP = rows('TCP: HTTP that is none', false, [
  [
    '`Content-Length: 100`, 10 bytes, then silence',
    { segments: [`${POST}Content-Length: 100\r\n\r\n{"channel"`], expect: 'refused' },
  ],
  [
    'a header that drips, 1 byte every 400 ms',
    { segments: [`${GET}X-Slow: `, 'x'], everyMs: 400, repeat: true, expect: 'refused' },
  ],
  ['two different `Content-Length` headers', refused(`${POST}Content-Length: 5\r\nContent-Length: 7\r\n\r\n{"a":1}`)],
  [
    '`Content-Length` and `Transfer-Encoding`',
    refused(`${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  ],
  ...['-1', '+5', '5, 5', '1'.padEnd(21, '0')].map((length): readonly [string, Rest] => [
    `\`Content-Length: ${length}\``,
    refused(`${POST}Content-Length: ${length}\r\n\r\n{"a":1}`),
  ]),
  ['a chunk of size `ZZ`', refused(`${POST}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n`)],
  ['120 headers', ignored(`${GET}${headers(120)}\r\n`)],
  ['2,000 headers', ignored(`${GET}${headers(2_000)}\r\n`)],
  ['a NUL in a header', ignored(`${GET}X-Nul: a\0b\r\n\r\n`)],
  ['bare LF as line ends', ignored('GET /livez HTTP/1.1\nHost: localhost\n\n')],
  ['a space before the colon of a header', ignored(`${GET}X-Space : a\r\n\r\n`)],
  ['a folded header', ignored(`${GET}X-Fold: a\r\n b\r\n\r\n`)],
  ['HTTP/1.0', ignored('GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n')],
  ['the preface of HTTP/2', refused('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['a TLS ClientHello', refused(Buffer.from('16030100a5010000a10303', 'hex'), Buffer.alloc(160, 7))],
  ['300 bytes of noise', refused(Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 131 + 200) % 256)))],
  ['no `Host`', refused('GET /livez HTTP/1.1\r\n\r\n')],
  [
    'a header of 5,000 bytes in two segments',
    { segments: [`${GET}X-Long: ${'h'.repeat(2_500)}`, `${'h'.repeat(2_500)}\r\n\r\n`], everyMs: 50, expect: [200] },
  ],
  [
    'a header of 20,000 bytes in two segments',
    { segments: [`${GET}X-Long: ${'h'.repeat(10_000)}`, `${'h'.repeat(10_000)}\r\n\r\n`], everyMs: 50, expect: [431] },
  ],
  [
    '1,000 pipelined requests, then gone',
    ignored(`${POST}Content-Length: 25\r\n\r\n{"channel":"ok","data":1}`.repeat(1_000)),
  ],
  ['a request that ends in its first line', ignored('POST /v1/pub')],
  ['a request that ends in its headers', ignored(`${POST}Content-Le`)],
  ['a request that ends in its body', ignored(`${POST}Content-Length: 100\r\n\r\n{"ch`)],
  ['a WebSocket handshake that ends in its headers', ignored(upgrade(KEY).slice(0, -20))],
]);

const HANDSHAKE = rows('TCP: WebSocket handshakes', false, [
  ['`Sec-WebSocket-Version: 8`', { segments: [upgrade(`${KEY}Sec-WebSocket-Version: 8\r\n`)], expect: [426] }],
  ['no `Sec-WebSocket-Version`', { segments: [upgrade(KEY)], expect: [426] }],
  ['no `Sec-WebSocket-Key`', { segments: [upgrade(VERSION)], expect: [400, 426] }],
  [
    'a short `Sec-WebSocket-Key`',
    { segments: [upgrade(`Sec-WebSocket-Key: c2hvcnQ=\r\n${VERSION}`)], expect: [400, 426] },
  ],
  [
    'another subprotocol',
    { segments: [upgrade(`${KEY}${VERSION}`, 'Sec-WebSocket-Protocol: mqtt\r\n')], expect: [400] },
  ],
  [
    'a subprotocol list with 30,000 spaces',
    ignored(upgrade(`${KEY}${VERSION}`, `Sec-WebSocket-Protocol: b${' '.repeat(30_000)}x\r\n`)),
  ],
  [
    '`Sec-WebSocket-Extensions: constructor`',
    ignored(upgrade(`${KEY}${VERSION}`, 'Sec-WebSocket-Extensions: constructor\r\n')),
  ],
  [
    '`Sec-WebSocket-Extensions` with a quote that never ends',
    ignored(upgrade(`${KEY}${VERSION}`, 'Sec-WebSocket-Extensions: a; b="c\r\n')),
  ],
  [
    'another origin, on the handshake',
    { segments: [upgrade(`${KEY}${VERSION}`, 'Origin: https://evil.example\r\n')], expect: [403] },
  ],
  ['an upgrade on another path', { segments: [upgrade(`${KEY}${VERSION}`).replace('/v1/ws', '/v1/x')], expect: [404] }],
  [
    'a frame that breaks the protocol right behind the handshake',
    ignored(upgrade(`${KEY}${VERSION}`), frame('x', { opcode: 0x3 })),
  ],
]);

const text = (value: string): Uint8Array => frame(value);
const FRAMES = rows('TCP: WebSocket frames', true, [
  ['RSV1 set', refused(frame('{}', { rsv: 0x40 }))],
  ['RSV2 set', refused(frame('{}', { rsv: 0x20 }))],
  ['RSV3 set', refused(frame('{}', { rsv: 0x10 }))],
  ['opcode 3', refused(frame('{}', { opcode: 0x3 }))],
  ['opcode 11', refused(frame('{}', { opcode: 0xb }))],
  ['a ping of 126 bytes', refused(frame('p'.repeat(126), { opcode: 0x9 }))],
  ['a fragmented ping', refused(frame('p', { opcode: 0x9, fin: false }))],
  ['a continuation of nothing', refused(frame('{}', { opcode: 0x0 }))],
  ['a text frame inside a fragmented one', refused(frame('{', { fin: false }), text('{}'))],
  ['an unmasked frame', ignored(frame('{"type":"publish","id":7,"channel":"bystander","data":0}', { masked: false }))],
  ['invalid UTF-8', refused(frame(Buffer.from([0x22, 0xc0, 0xaf, 0x22])))],
  [
    'a surrogate cut across fragments',
    refused(frame(Buffer.from([0x22, 0xed, 0xa0]), { fin: false }), frame(Buffer.from([0x80, 0x22]), { opcode: 0x0 })),
  ],
  ['a declared length of 1 GB', refused(frameHead(1_000_000_000), Buffer.alloc(4))],
  ['a declared length of 2^53', refused(frameHead(2 ** 53), Buffer.alloc(4))],
  ['a declared length of 2^63', refused(frameHead(2 ** 63), Buffer.alloc(4))],
  ['a frame of 300 KiB', refused(frame('x'.repeat(300 * 1024)))],
  [
    '20,000 empty fragments',
    ignored(
      frame('', { fin: false }),
      Buffer.concat(Array.from({ length: 20_000 }, () => frame('', { opcode: 0x0, fin: false }))),
    ),
  ],
  [
    '300,000 fragments of 1 byte',
    refused(
      frame('x', { fin: false }),
      Buffer.concat(Array.from({ length: 300_000 }, () => frame('x', { opcode: 0x0, fin: false }))),
    ),
  ],
  ['20,000 pings', ignored(Buffer.concat(Array.from({ length: 20_000 }, () => frame('p', { opcode: 0x9 }))))],
  ['a close frame of 1 byte', refused(frame('x', { opcode: 0x8 }))],
  ...[999, 1005, 1006, 1015, 5000].map((code): readonly [string, Rest] => [
    `a close frame with code ${code}`,
    refused(closeFrame(code)),
  ]),
  ['a close frame whose reason is not UTF-8', refused(frame(Buffer.from([0x03, 0xe8, 0xff]), { opcode: 0x8 }))],
]);

export const RAW_ROWS: readonly RawRow[] = [...BEFORE_HTTP, ...HANDSHAKE, ...FRAMES];
