// Cuts what a Redis server sends into its replies, however the network has cut and joined them.

const NONE = Buffer.alloc(0);
/** Types whose first line says how many bytes follow, and after those a line's end. */
const BULK = new Set(['$', '=', '!']);
/** Types whose first line says how many replies follow; of a map it is twice as many. */
const ELEMENTS = new Map([
  ['*', 1],
  ['>', 1],
  ['~', 1],
  ['%', 2],
]);

export class ReplyCutter {
  #rest: Buffer = NONE;

  /** The replies that are whole now, each with all its bytes. */
  take(chunk: Buffer): Buffer[] {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const replies: Buffer[] = [];
    let begin = 0;
    for (let end = endOf(bytes, 0); end !== undefined; end = endOf(bytes, end)) {
      replies.push(bytes.subarray(begin, end));
      begin = end;
    }
    this.#rest = bytes.subarray(begin);
    return replies;
  }
}

/** Where the reply ends that begins at `begin`; `undefined` while it is not whole. */
function endOf(bytes: Buffer, begin: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', begin);
  if (lineEnd === -1) return undefined;
  const type = String.fromCharCode(bytes[begin] ?? 0);
  const count = Number(bytes.toString('latin1', begin + 1, lineEnd));
  let end: number | undefined = lineEnd + 2;
  if (BULK.has(type) && count >= 0) {
    end += count + 2;
    return end <= bytes.length ? end : undefined;
  }
  for (let left = count * (ELEMENTS.get(type) ?? 0); left > 0 && end !== undefined; left--) end = endOf(bytes, end);
  return end;
}
