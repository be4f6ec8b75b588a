// Encodes frames as a server sends them: whole, unmasked, uncompressed (RFC 6455 §5.2).

const FIN_TEXT = 0x81;
const FIN_PING = 0x89;

export const PING_FRAME = Buffer.from([FIN_PING, 0]);

/** Bytes of the header of a frame with a payload of `length` bytes. */
export function headerBytes(length: number): number {
  return length < 126 ? 2 : length < 65536 ? 4 : 10;
}

/** Writes the header of a text frame at `at` and returns where its payload goes. */
export function writeTextHeader(target: Buffer, at: number, length: number): number {
  target[at] = FIN_TEXT;
  if (length < 126) {
    target[at + 1] = length;
    return at + 2;
  }
  if (length < 65536) {
    target[at + 1] = 126;
    target.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  target[at + 1] = 127;
  target.writeUInt32BE(Math.floor(length / 2 ** 32), at + 2);
  target.writeUInt32BE(length >>> 0, at + 6);
  return at + 10;
}

/** One text frame. */
export function textFrame(payload: string | Buffer): Buffer {
  const length = Buffer.byteLength(payload);
  const frame = Buffer.allocUnsafe(headerBytes(length) + length);
  const at = writeTextHeader(frame, 0, length);
  if (typeof payload === 'string') frame.write(payload, at);
  else payload.copy(frame, at);
  return frame;
}
