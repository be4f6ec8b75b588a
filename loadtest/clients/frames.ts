// Scans WebSocket frames from a server, and writes those of a client, by hand.

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** Sees one frame: its payload lies from `start` to `end`. */
export type FrameVisitor = (bytes: Buffer, opcode: number, start: number, end: number) => void;

/** Visits every complete frame and returns how many bytes they took. */
export function scanFrames(bytes: Buffer, visit: FrameVisitor): number {
  let at = 0;
  while (at + 2 <= bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (start > bytes.length) break;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    const end = start + length;
    if (end > bytes.length) break;
    visit(bytes, (bytes[at] ?? 0) & 0x0f, start, end);
    at = end;
  }
  return at;
}

/** One frame of a client. Its mask is zero, which is legal and saves the masking. Payloads over 65,535 bytes are not needed here. */
export function clientFrame(opcode: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const head = body.length < 126 ? Buffer.alloc(6) : Buffer.alloc(8);
  head[0] = 0x80 | opcode;
  if (body.length < 126) {
    head[1] = 0x80 | body.length;
  } else {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(body.length, 2);
  }
  return Buffer.concat([head, body]);
}
