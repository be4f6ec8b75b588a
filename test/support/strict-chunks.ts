// Reads a chunked answer as a strict reader does: a chunk counts once all of it has come, with the line break behind it.

export interface StrictAnswer {
  /** Contents of the chunks that have come whole. */
  readonly chunks: readonly string[];
  /** What stands behind them. */
  readonly rest: string;
}

/** `text` is an answer from its first byte on. Throws where it breaks RFC 9112. */
export function strictChunks(text: string): StrictAnswer {
  const head = text.indexOf('\r\n\r\n');
  const chunks: string[] = [];
  if (head === -1) return { chunks, rest: '' };
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(text.slice(0, head + 2))) throw new Error(`not chunked: ${text}`);
  let at = head + 4;
  for (;;) {
    const line = text.indexOf('\r\n', at);
    if (line === -1) return { chunks, rest: text.slice(at) };
    const size = text.slice(at, line);
    if (!/^[\da-f]+$/i.test(size)) throw new Error(`no length of a chunk: ${JSON.stringify(size)}`);
    const start = line + 2;
    const end = start + Number.parseInt(size, 16);
    if (text.length < end + 2) return { chunks, rest: text.slice(at) };
    if (text.slice(end, end + 2) !== '\r\n')
      throw new Error(`no line break behind ${JSON.stringify(text.slice(at, end))}`);
    if (end === start) return { chunks, rest: text.slice(end + 2) };
    chunks.push(text.slice(start, end));
    at = end + 2;
  }
}
