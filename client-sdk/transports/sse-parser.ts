// Parses `text/event-stream` bytes, however they are cut, in one pass.

/** What one event may hold, in characters; far over any frame of a node. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;

/**
 * Returns a function that takes the next bytes and calls `emit` with the data of each event that they complete. Names
 * and ids are left out: our events carry their type. Throws `RangeError` when an event outgrows its bound.
 */
export function createSseParser(emit: (data: string) => void): (bytes: Uint8Array) => void {
  // Keeps a character that was cut in two for the next chunk, and drops a byte order mark.
  const decoder = new TextDecoder();
  let line = '';
  let data: string[] = [];
  let length = 0;
  let afterCarriageReturn = false;

  const endLine = () => {
    if (line) {
      if (/^data(:|$)/.test(line)) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    } else if (data[0] !== undefined) {
      emit(data.join('\n'));
      data = [];
    }
    if (!line) length = 0;
    line = '';
  };

  return (bytes) => {
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return;
    // CR LF is one end of line, wherever it is cut.
    if (afterCarriageReturn && text[0] === '\n') text = text.slice(1);
    afterCarriageReturn = text.endsWith('\r');
    // Only what is new is searched; `+=` on the rest does not copy it.
    const lines = text.split(/\r\n|\r|\n/);
    const rest = lines.pop() ?? '';
    for (const end of lines) {
      line += end;
      endLine();
    }
    line += rest;
    length += text.length;
    if (length > MAX_EVENT_LENGTH) throw new RangeError('an event is too long');
  };
}
