// Encodes chunks of an HTTP answer of unknown length (RFC 9112 §7.1).

const END = Buffer.from('\r\n');

/** What was encoded last: a message is written to one stream after the other. */
let last: { readonly data: Buffer; readonly chunk: Buffer } | undefined;

/** `data`, which is not empty, as one chunk. The same for as long as the same buffer is asked for. */
export function chunkOf(data: Buffer): Buffer {
  if (last?.data !== data) {
    last = { data, chunk: Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, END]) };
  }
  return last.chunk;
}
