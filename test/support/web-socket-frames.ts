// WebSocket frames as a client writes them, well or badly (RFC 6455 section 5.2).

export interface FrameBits {
  /** Default 1, text. */
  readonly opcode?: number;
  readonly fin?: boolean;
  /** RSV1 is 0x40, RSV2 0x20, RSV3 0x10. */
  readonly rsv?: number;
  readonly masked?: boolean;
}

const MASK = Buffer.from([0x11, 0x22, 0x33, 0x44]);

/** The header of a frame, without its mask, with any declared length. */
export function frameHead(length: number | bigint, bits: FrameBits = {}): Buffer {
  const first = (bits.fin === false ? 0 : 0x80) | (bits.rsv ?? 0) | (bits.opcode ?? 1);
  const mask = bits.masked === false ? 0 : 0x80;
  if (length < 126) return Buffer.from([first, mask | Number(length)]);
  if (length < 65_536) return Buffer.from([first, mask | 126, Number(length) >> 8, Number(length) & 255]);
  const head = Buffer.alloc(10);
  head[0] = first;
  head[1] = mask | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** One whole frame. */
export function frame(payload: string | Uint8Array, bits: FrameBits = {}): Buffer {
  const plain = Buffer.from(payload as string);
  if (bits.masked === false) return Buffer.concat([frameHead(plain.length, bits), plain]);
  const masked = plain.map((byte, index) => byte ^ (MASK[index % 4] ?? 0));
  return Buffer.concat([frameHead(plain.length, bits), MASK, masked]);
}

/** A close frame with these payload bytes after the code, or an empty one. */
export function closeFrame(code?: number, reason: string | Uint8Array = ''): Buffer {
  if (code === undefined) return frame('', { opcode: 8 });
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as string)]);
  return frame(payload, { opcode: 8 });
}
