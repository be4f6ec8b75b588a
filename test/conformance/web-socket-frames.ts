// WebSocket frames as a client sends them, good and bad, after RFC 6455 section 5.2.

export interface FrameOptions {
  /** Default 1, text. */
  readonly opcode?: number;
  /** Default true. */
  readonly fin?: boolean;
  /** Reserved bits, in place. */
  readonly rsv?: number;
}

const MASK = Buffer.from([0x11, 0x22, 0x33, 0x44]);

/** One masked frame. */
export function clientFrame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const data = Buffer.from(typeof payload === 'string' ? Buffer.from(payload) : payload);
  for (let index = 0; index < data.length; index++) data[index] = (data[index] ?? 0) ^ (MASK[index % 4] ?? 0);
  return Buffer.concat([frameHeader(data.length, options), MASK, data]);
}

/** The header of a masked frame without its mask, for a payload of `length` bytes that may never come. */
export function frameHeader(length: number, { opcode = 1, fin = true, rsv = 0 }: FrameOptions = {}): Buffer {
  const first = (fin ? 0x80 : 0) | rsv | opcode;
  if (length < 126) return Buffer.from([first, 0x80 | length]);
  if (length < 65_536) return Buffer.from([first, 0x80 | 126, length >> 8, length & 255]);
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}
